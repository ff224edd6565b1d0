"""Finds each escalation's place and tells all sides."""
