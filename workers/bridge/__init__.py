"""HTTP beside the workers: chat systems, desks and AI agents that have no Kafka client."""
