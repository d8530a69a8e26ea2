"""Calico's resources as values, whatever store they came from. Pure; the only error is Malformed."""
