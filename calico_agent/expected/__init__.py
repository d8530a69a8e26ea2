"""What should be: routes, sessions, peers, and who owns which block, by the records of the datastore. Pure."""
