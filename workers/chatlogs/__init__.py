"""Chat logs of other systems as conversation events."""
