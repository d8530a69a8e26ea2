"""BIRD, and the sessions that this host should have."""
