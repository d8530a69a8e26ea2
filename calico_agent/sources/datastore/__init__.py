"""Calico's datastore: a copy of it in memory that follows it, and the queries beside that."""
