"""Proof from the topics that every promise was kept."""
