"""Faults of BIRD and its sessions."""
