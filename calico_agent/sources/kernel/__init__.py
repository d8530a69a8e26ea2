"""The kernel: links, addresses, routes, policy rules, neighbors, sysctls, by rtnetlink and /proc."""
