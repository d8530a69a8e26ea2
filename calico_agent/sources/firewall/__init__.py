"""The packet filter: iptables of both kinds, and nft."""
