"""Texts that people receive: the packet, its redaction, and the notices to the customer."""
