"""A `docker run` and a `docker inspect` as what calico/node was given. Pure."""
