"""Faust and Kafka's consumer, without the domain."""
