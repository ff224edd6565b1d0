"""Where an escalation goes: queues and their load, calendars, the ladder, and what is then sent."""
