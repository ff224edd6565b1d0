"""The fold of one conversation: ownership, episodes, decisions. Pure; chunk.py is the way in."""
