"""What this host and its cluster must fulfil for Calico: the preflight."""
