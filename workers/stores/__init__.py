"""What the workers remember in Redis: conversations by partition, the ledger, the load."""
