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
        ("DS-UNREADABLE", seen.datastore, "which routes this host needs is not known; existing ones stay"),
    ):
        if isinstance(source, Unreadable):
            yield finding(code, source.source, f"{source.source} cannot be read: {source.reason}", effect=effect)
    if view.cluster is not None:
        for bad in view.cluster.datastore.bad_keys:
            what = f"the value of {bad.key} cannot be understood: {bad.reason}"
            yield finding("DS-BAD-KEY", bad.key, what, effect="it is left out of every check")
