"""Clients of Kafka: administration, reading a topic."""
