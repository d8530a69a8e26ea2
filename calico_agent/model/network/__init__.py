"""Values of the network: links, addresses, routes, rules, neighbors."""
