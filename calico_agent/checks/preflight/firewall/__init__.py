"""Whether the host's own firewall lets through what Calico needs."""
