"""I/O out: the only code that changes the world."""
