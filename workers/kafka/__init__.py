"""Clients of Kafka: administration, reading and publishing of topics, dead letters."""
