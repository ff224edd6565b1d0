"""The workers' state in Redis: partitions, ledger, load of queues, tickets, deliveries."""
