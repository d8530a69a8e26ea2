"""Taking calico/node out of a Kubernetes manifest, and telling what calico-agent needs to run it instead."""
