"""The Kubernetes API where it is Calico's datastore. What it is to a host beside that: `sources.kubernetes`."""
