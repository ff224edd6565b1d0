"""The workers' state in Redis: conversations by partition, the ledger, the load of queues."""
