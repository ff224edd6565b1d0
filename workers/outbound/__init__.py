"""HTTP to other systems: vendor files, calls with limits and retries, what is not delivered yet."""
