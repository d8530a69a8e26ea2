"""Pods of this host: their links, addresses and records."""
