"""Deciding over recorded events again: backtests, sweeps, scenarios, explanations."""
