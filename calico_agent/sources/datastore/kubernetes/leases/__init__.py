"""Claims on node names as Leases, and who has a name by these and by Nodes."""
