"""A stand-in for calico/node, for machines that cannot pull the real image.

It behaves towards its environment, the datastore, its files, BIRD's socket and the kernel's routes as
recorded clusters of Calico v3.31.7 show, with BIRD 1.6.8 from Debian. Standard library only: it runs inside
the image, and on lab hosts as the CNI plugin (`cni`).

    start       process 1: start-up once, then BIRD, then follow the datastore
    startup     node name, node record; addresses, autodetect, defaults
    bird        BIRD's configuration from the datastore, and its processes; krt_tunnel: its routes into tunl0
    felix       VXLAN device and routes, blackholes, routes to local pods; ipip: the device tunl0; kernel
    ipam, cni   blocks and addresses; a pod's interface
    store       what is asked of a datastore: keys and values as etcd has them; cluster: what they say
    etcd, keys  etcd and its layout; kubernetes, objects, api: the same in the Kubernetes API; connection: which it is
"""
