"""A model of the protocol: the real fold and the real plan between simulated servers."""
