"""Warm Handoff: decides when a person must take over from an AI support agent, and hands over."""
