"""Blocks of IPAM: who owns them, and whether their nodes advertise them."""
