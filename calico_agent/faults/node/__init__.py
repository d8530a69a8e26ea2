"""Faults of this node: its name, its addresses, the container that it is."""
