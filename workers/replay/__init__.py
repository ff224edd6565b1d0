"""Deciding over recorded events again, and proving from the topics that nothing was lost."""
