"""A systemd unit as what calico/node was given. Pure."""
