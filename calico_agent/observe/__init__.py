"""The outside -> values. Each source has its own deadline; one that cannot be read becomes Unreadable."""
