"""What a person receives: the packet, its redaction, and the notices to the customer."""
