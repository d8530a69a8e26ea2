"""A real kube-apiserver, built from its Go module, and what is tested on it. `make test-core` leaves it out."""
