"""Hides personal data and secrets in texts."""
