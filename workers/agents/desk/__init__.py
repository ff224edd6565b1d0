"""Takes what desks report to the escalations' home partitions."""
