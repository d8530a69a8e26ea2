"""Whether Kubernetes on this host, and the pools of the cluster, suit Calico."""
