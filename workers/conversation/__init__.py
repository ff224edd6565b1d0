"""The fold of one conversation: ownership, episodes, decisions. Pure; fold.py is the way in."""
