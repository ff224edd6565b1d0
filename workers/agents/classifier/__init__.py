"""Asks a model about customer messages that the fold finds doubtful."""
