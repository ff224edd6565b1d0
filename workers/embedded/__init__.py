"""A broker and a store without Docker or Java, for a laptop and for tests."""
