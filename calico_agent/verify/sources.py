"""What could not be read, and what was read but not understood."""

from collections.abc import Iterator

from calico_agent.model.finding import Finding
from calico_agent.model.observation import Unreadable
from calico_agent.verify.catalogue import finding
from calico_agent.verify.view import View


def find_sources(view: View) -> Iterator[Finding]:
    """A finding for each source that is unreadable, except BIRD, and for each bad key of the datastore."""
    seen = view.observation
    for code, source, effect in (
        ("HOST-UNREADABLE", seen.host, "the node name is not sure"),
        ("KERNEL-UNREADABLE", seen.kernel, "addresses and routes are not checked"),
        ("DOCKER-UNREADABLE", seen.docker, "whether calico/node runs is not known, and nothing is started"),
    ):
        if isinstance(source, Unreadable):
            yield finding(code, source.source, f"{source.source} cannot be read: {source.reason}", effect=effect)
    yield from _datastore(view)
    if view.cluster is not None:
        for bad in view.cluster.datastore.bad_keys:
            what = f"the value of {bad.key} cannot be understood: {bad.reason}"
            yield finding("DS-BAD-KEY", bad.key, what, effect="it is left out of every check")


def _datastore(view: View) -> Iterator[Finding]:
    """Why there is no current reading of the datastore, and what is gone by instead."""
    trouble, kept = view.observation.current_datastore, view.observation.snapshot_trouble
    if isinstance(trouble, Unreadable):
        effect = "which routes this host needs is not known; existing ones stay"
        if view.age:
            effect = f"everything is held against what etcd held {view.age}; nothing new is started"
        if trouble.code == "shrunk":
            yield finding(
                "DS-SHRUNK",
                trouble.source,
                trouble.reason,
                effect=effect,
                cure="compare `calicoctl get nodes` and `calicoctl ipam show --show-blocks` with what there should be; "
                "restore the datastore if it lost its data",
            )
        else:
            what = f"{trouble.source} cannot be read: {trouble.reason}"
            yield finding("DS-UNREADABLE", trouble.source, what, effect=effect)
    if kept is not None:
        effect = "an agent that starts while etcd is down does not know which routes this host needs"
        yield finding("DS-SNAPSHOT", kept.source, kept.reason, effect=effect)
