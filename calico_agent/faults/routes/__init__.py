"""Faults of routes, and of what lies beneath them."""
