"""BIRD's replies -> model. Pure; the only error is Malformed."""
