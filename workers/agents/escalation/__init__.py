"""Decides: folds each partition's events and publishes decisions."""
