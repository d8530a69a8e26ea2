"""What runs of Kubernetes on this host: kubelet, kube-proxy, CNI, and the credentials for its API."""
