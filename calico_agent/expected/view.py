"""What every rule looks at: one observation, who this host is in it, and the cluster's records, indexed."""

from dataclasses import dataclass
from datetime import timedelta

from calico_agent.expected.cluster import Cluster, index
from calico_agent.expected.local_node import Local, local_host
from calico_agent.model.calico.bird import Bird
from calico_agent.model.container.supervision import Succession, Supervising
from calico_agent.model.identity import Identity
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preparation import Preparation
from calico_agent.model.recency import age_of
from calico_agent.model.settings import DriftPolicy, Mode

# calico/node's programs come up one after another within some ten seconds of the container's start.
STARTING = timedelta(seconds=20)

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class View:
    """`cluster` and `kernel` are None where the source could not be read, `supervising` where the agent observes."""

    observation: Observation
    identity: Identity
    mode: Mode
    local: Local
    cluster: Cluster | None
    kernel: Kernel | None
    supervising: Supervising | None = None

    @property
    def preparation(self) -> Preparation:
        """Return what was read for the preflight; where nothing was, each subject is None."""
        return self.observation.preparation or Preparation()

    @property
    def supervised(self) -> bool:
        """True if this agent decides about the container."""
        return self.mode is Mode.SUPERVISE

    @property
    def succession(self) -> Succession:
        """Return what becomes of the container that is there."""
        return self.supervising.succession if self.supervising is not None else Succession()

    @property
    def takes_over(self) -> bool:
        """True if a container that somebody else made is taken over."""
        return self.supervising is not None and self.supervising.settings.take_over

    @property
    def only_reports_drift(self) -> bool:
        """True if a container that is the same node, but not the wanted one, is left to people."""
        return self.supervising is not None and self.supervising.settings.on_drift is DriftPolicy.REPORT

    @property
    def age(self) -> str:
        """Return how old the reading of the datastore is, `3 min ago`; empty for a current one, and without one."""
        seen = self.observation
        if seen.datastore_trouble is None or isinstance(seen.datastore, Unreadable):
            return ""
        age = age_of(seen.datastore.read_at, seen.at)
        return "a time that is not known" if age is None else in_words(age)

    @property
    def starting(self) -> bool:
        """True if the container was started so recently that nothing can be asked of its programs yet."""
        container = self.local.container
        if container is None or not container.running or container.started_at is None:
            return False
        # One that began well after now began nobody knows when: the clock was set.
        return abs(self.observation.at - container.started_at) < STARTING

    @property
    def me(self) -> str:
        """Return the name of this host as people know it."""
        return self.local.name or self.identity.name.name or "this host"

    @property
    def container_name(self) -> str:
        """Return the calico/node container of this host by the name that commands take."""
        return self.local.container.name if self.local.container is not None else "calico-node"

    def daemons(self) -> tuple[tuple[Family, Bird | Unreadable], ...]:
        """Return the BIRD daemons that belong to this host's calico/node, by family."""
        both = ((Family.IPV4, self.observation.bird), (Family.IPV6, self.observation.bird6))
        return tuple((family, bird) for family, bird in both if bird is not None)


def in_words(age: timedelta) -> str:
    """Return an age in its largest unit."""
    seconds = max(0, int(age.total_seconds()))
    # From the second one on: "90 min" says more than "1 h".
    size, unit = next((unit for unit in _UNITS if seconds >= 2 * unit[0]), _UNITS[-1])
    return f"{seconds // size} {unit} ago"


def view_of(
    observation: Observation,
    identity: Identity,
    *,
    mode: Mode,
    container_name: str,
    supervising: Supervising | None = None,
) -> View:
    """Return the view of one observation."""
    datastore, kernel = observation.datastore, observation.kernel
    cluster = None if isinstance(datastore, Unreadable) else index(datastore)
    local = local_host(observation, identity, cluster, mode=mode, container_name=container_name)
    readable = None if isinstance(kernel, Unreadable) else kernel
    return View(observation, identity, mode, local, cluster, readable, supervising)
