"""The rules for Prometheus that are shipped."""
