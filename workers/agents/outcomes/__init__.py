"""Writes what came of escalations and offers, for reports."""
