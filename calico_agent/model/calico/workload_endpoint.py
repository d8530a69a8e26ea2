"""The pods that Calico knows: their workload endpoints.

Their list changes with every pod of the cluster, so that it is never watched and never read as a whole: those of one
node are read when something about the pods of this host is not explained by all else.
"""

from dataclasses import dataclass

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class WorkloadEndpoint:
    """A pod's record. `node` is where it runs, `link` its link on that host; `key` is where etcd has it, for people.

    `pod` is what people call it: `default/web-0`. `namespace` and `name` are those of the resource; both are empty in
    Calico v2, where a record has none.
    """

    key: str
    node: str
    link: str
    addresses: tuple[IPAddress, ...] = ()
    pod: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class WorkloadEndpoints:
    """The records of the pods of `nodes`. `about` are the indexes of the links that were there when it was read.

    What has come since may have a record that is not in it.
    """

    nodes: frozenset[str]
    records: tuple[WorkloadEndpoint, ...] = ()
    about: frozenset[int] = frozenset()
