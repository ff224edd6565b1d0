"""The agent that tells people of notifications, by mail and webhook."""
