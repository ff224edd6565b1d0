"""Faults at random moments under load, and the proof afterwards: `python -m tests.faults`."""
