"""The console: what the topics and the store tell, as pages; a desk and a chat for trying it."""
