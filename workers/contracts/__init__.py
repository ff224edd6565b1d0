"""Typed events, decisions and packets: the contract of `schemas/` as Python types."""
