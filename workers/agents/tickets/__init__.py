"""Makes the tickets that a ladder asks for, by HTTP, and reports what becomes of them."""
