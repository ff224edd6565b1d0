"""Makes the tickets that the ladder asks for, by HTTP or mail, and reports what becomes of them."""
