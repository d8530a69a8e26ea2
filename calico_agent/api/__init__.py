"""I/O out: the latest report over HTTP and to systemd."""
