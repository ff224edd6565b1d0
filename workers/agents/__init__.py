"""The agents: one folder for each, and shared/ for what several need."""
