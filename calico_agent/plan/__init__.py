"""What to do about the container, if anything. Pure."""
