"""HTTP and mail to other systems: vendor files, calls with limits and retries."""
