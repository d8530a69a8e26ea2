"""What lies below a right route: links, tunnels, neighbors, subnets."""
