"""etcd by its v2 API (Calico 2.x): reading and decoding."""
