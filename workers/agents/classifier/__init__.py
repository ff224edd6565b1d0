"""Asks a model about turns that the policy names."""
