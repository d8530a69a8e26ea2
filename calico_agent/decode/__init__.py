"""raw -> model: captured text, JSON values and netlink bytes become values. Pure; never raises on bad input but its own error."""
