"""BIRD, by its control socket."""
