"""netlink bytes -> model. Pure; the only error is Malformed."""
