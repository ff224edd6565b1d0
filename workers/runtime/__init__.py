"""Faust, Kafka's consumer and producer, health, metrics and watchdog: what runs an agent."""
