"""The Docker Engine, its containers, and the programs that run in calico/node's."""
