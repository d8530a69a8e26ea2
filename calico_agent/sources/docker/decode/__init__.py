"""What Docker and the programs in its containers say -> model. Pure; the only error is Malformed."""
