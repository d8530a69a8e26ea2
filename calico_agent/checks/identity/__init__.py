"""This host's name and address, and those of the other nodes."""
