"""Routing of an escalation: queues and their load, calendars, the ladder, and the messages."""
