"""Sends each escalation to the queue that owns it."""
