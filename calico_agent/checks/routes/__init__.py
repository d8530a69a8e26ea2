"""The routes that this host should have, against what the kernel has."""
