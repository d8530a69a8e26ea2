"""A server of the datastore as its clients meet it, whatever kind it is: address, files for TLS, errors."""
