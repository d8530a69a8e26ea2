"""raw -> model: captured text, JSON values and netlink bytes become values. Pure; the only error is Malformed."""
