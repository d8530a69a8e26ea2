"""The Node object that Kubernetes has of a host, beside what Calico registered there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """`ready` is the status of the condition Ready: True, False, or None where its kubelet is not heard any more.

    `reason` and `message` are the words of that, `since` when it began. `internal` are the InternalIP addresses.
    `taints` are in the words of `kubectl describe node`; `cordoned`: no new pods come there.
    """

    name: str
    ready: bool | None = True
    reason: str = ""
    message: str = ""
    since: datetime | None = None
    internal: tuple[IPAddress, ...] = ()
    taints: tuple[str, ...] = ()
    cordoned: bool = False

    def barring(self) -> Iterator[str]:
        """Its taints that keep pods away, but those that Kubernetes itself gives to a node that is not well."""
        own = "node.kubernetes.io/"
        yield from (one for one in self.taints if not one.startswith(own) and not one.endswith(":PreferNoSchedule"))
