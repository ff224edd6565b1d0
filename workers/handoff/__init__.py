"""Texts that people receive: the packet, and the notices to the customer."""
