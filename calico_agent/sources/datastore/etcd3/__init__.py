"""etcd by its v3 API (Calico 3.x): reading, decoding and encoding."""
