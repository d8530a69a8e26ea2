"""The one door to etcd: how a member is reached. `observe` reads through it, `act` writes through it."""
