"""Which address, which name, and why. Pure."""
