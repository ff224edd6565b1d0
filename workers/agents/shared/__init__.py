"""Parts that several agents need."""
