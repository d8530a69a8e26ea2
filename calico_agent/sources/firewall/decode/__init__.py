"""The rules as iptables and nft print them -> model. Pure; the only error is Malformed."""
