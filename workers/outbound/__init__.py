"""HTTP to other systems: vendor files, calls with limits and retries, undelivered messages."""
