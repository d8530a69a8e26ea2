"""The model's answers through the real decoders: with `stored` the only place where the model and calico_agent meet.

What is answered with the same bytes or text as before is decoded once.

`Outside` stands where the collector stands in the agent: it is asked what that is asked.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from ipaddress import ip_address

from calico_agent.config import Config
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.calico.workload_endpoint import WorkloadEndpoints
from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    Container,
    ContainerSpec,
    Docker,
)
from calico_agent.model.container.docker_network import DockerNetwork
from calico_agent.model.container.image import LocalImage
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Identity, KeptIdentity, NameChoice
from calico_agent.model.network.address import Family, IPAddress, IPNetwork
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.plan.desired_container import wanted_container
from calico_agent.sources.bird.decode.interfaces import LINKS_COMMAND
from calico_agent.sources.bird.decode.replies import COMMANDS, decode_bird, rib_command
from calico_agent.sources.docker.decode.container import decode_container, decode_network
from calico_agent.sources.docker.decode.log_lines import log_lines
from calico_agent.sources.docker.decode.programs import Process, find_programs
from tests.worlds.kernel_answers import kernel_of
from tests.worlds.model import bird_text, docker
from tests.worlds.model import values as model
from tests.worlds.model.settle import Settled, speaks
from tests.worlds.stored import AT, SERVER, Store, settings_of

_LONG_AGO = AT - timedelta(days=3)
_SERVER = ip_address(SERVER)
_KEPT = 64  # answers of each kind that are decoded once: some more than the hosts of one case


class Outside:
    """All sources of one host."""

    def __init__(
        self,
        settled: Settled,
        hostname: str,
        store: Store,
        kept: KeptIdentity | None = None,
    ) -> None:
        self._settled = settled
        self._store = store
        self._machine = settled.machines[hostname]
        self.kept = kept or KeptIdentity()
        self._settings = settings_of(settled.world)
        self._spec: ContainerSpec | None = None

    @property
    def machine_id(self) -> str:
        """A clone has that of the machine whose disk was copied."""
        return f"{self._machine.host.disk or self._machine.host.machine:032x}"

    def made_by(self, config: Config) -> None:
        """From now on calico/node is the container that an agent made for the node that is registered here."""
        node = self._settled.world.node(self._machine.name)
        assert node is not None
        settings = config.identity_settings()
        known = Identity(
            NameChoice(node.name),
            AddressChoice(Family.IPV4, settings.ipv4.method != "none", node.ipv4),
            AddressChoice(Family.IPV6, settings.ipv6.method != "none", node.ipv6),
        )
        self._spec = wanted_container(config.node_settings(), self._settings, known)

    def observe(self, at: datetime) -> Observation:
        """Everything outside."""
        host = self._machine.host
        bird6 = self._bird(Family.IPV6) if host.given("IP6") not in {"", "none"} else None
        seen = Host(host.hostname, self.machine_id, host.nodename_file, boot_id=boot_id(host))
        rival = host.trouble.rival
        return Observation(
            at=at,
            host=self._unread("host") or seen,
            kernel=self._unread("kernel") or self._kernel,
            docker=self._unread("Docker") or self._docker(),
            datastore=self._store.datastore,
            datastore_settings=self._settings,
            datastore_addresses=(_SERVER,),
            datastore_trouble=self._unread("etcd"),
            bird=self._unread("BIRD") or self._bird(Family.IPV4),
            bird6=bird6 and (self._unread("BIRD6") or bird6),
            rivals=(ConflictingProcess(rival[0], 4711, rival[0].lower(), unit=rival[1]),) if rival else (),
        )

    def _unread(self, source: str) -> Unreadable | None:
        """Why a source does not answer, where it does not."""
        kind = dict(self._machine.host.trouble.unread).get(source)
        return Unreadable(source, f"nobody answers ({kind})", kind) if kind is not None else None

    def with_holders(self, observation: Observation, _names: frozenset[str]) -> Observation:
        return observation  # etcd has all claims

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:
        bird = self._unread("BIRD") or self._bird(Family.IPV4, about)
        bird6 = observation.bird6 and (self._unread("BIRD6") or self._bird(Family.IPV6, about))
        return replace(observation, bird=bird, bird6=bird6)

    def blocks_of(self, found: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        return self._store.blocks(wanted) if isinstance(found, Datastore) else ()

    def endpoints_of(
        self, nodes: frozenset[str], links: frozenset[int], _lost: frozenset[IPAddress]
    ) -> WorkloadEndpoints | Unreadable | None:
        return WorkloadEndpoints(nodes, tuple(one for one in self._store.pods if one.node in nodes), links)

    def nodes_of(self, _names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        return {}

    def doubted(self, _keys: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        return frozenset()

    @cached_property
    def _kernel(self) -> Kernel:
        return kernel_of(self._machine, self._destinations())

    def _destinations(self) -> Iterator[IPAddress]:
        yield _SERVER
        for node in self._store.datastore.nodes:
            yield from (one.ip for one in (node.ipv4, node.ipv6) if one is not None)

    def _docker(self) -> Docker:
        world, host = self._settled.world, self._machine.host
        log, rows = docker.log(self._settled, host.hostname), docker.processes(host)
        containers = _containers(json.dumps(docker.container(world, host)), tuple(log), tuple(rows), host.trouble.held)
        return Docker(
            networks=_networks(json.dumps(docker.networks(host))),
            containers=tuple(self._own(replace(one, outdated=host.trouble.outdated)) for one in containers),
            image=LocalImage(self._spec.image, "sha256:e4") if self._spec is not None else None,
        )

    def _own(self, container: Container) -> Container:
        spec = self._spec
        if spec is None:
            return container
        labels = ((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, spec.hash))
        return replace(container, image=spec.image, env=spec.env, mounts=spec.mounts, labels=labels)

    def _bird(self, family: Family, about: Collection[IPNetwork] = ()) -> Bird | Unreadable:
        settled, machine, host = self._settled, self._machine, self._machine.host
        if not speaks(host, family):
            return Unreadable("BIRD", "nobody answers", "refused")
        node = settled.world.node(machine.name)
        hashed = f"198.51.100.{host.machine}"  # CALICO_ROUTER_ID=hash
        router = str(node.ipv4.ip) if node is not None and node.ipv4 is not None else hashed
        sessions = settled.sessions.get((host.hostname, family), ())
        awaited = sum(one.info != "Established" for one in sessions) if host.recovers else 0
        status = bird_text.status(settled.world.release.bird, router, awaited)
        texts = (status, bird_text.protocols(sessions, host.trouble.switched_off, recovers=host.recovers))
        replies = dict(zip(COMMANDS, texts, strict=True))
        asked = [one for one in about if one.version == family]
        replies |= {rib_command(one): bird_text.route(settled, host.hostname, one) for one in asked}
        if about:
            replies[LINKS_COMMAND] = bird_text.interfaces(machine.devices, family, host.trouble.unseen)
        return _daemon(family, tuple(replies.items()))


def boot_id(host: model.Host) -> str:
    """Another one after each boot."""
    return f"boot-{host.machine}-{host.boots}"


@lru_cache(_KEPT)
def _containers(
    inspected: str,
    logged: tuple[str, ...],
    rows: tuple[tuple[int, int, str, tuple[str, ...]], ...],
    held: frozenset[str],
) -> tuple[Container, ...]:
    """What Docker says of them, and what runs in them."""
    log = log_lines(logged)
    running = tuple(Process(*row, started_at=_LONG_AGO, stopped=row[2] in held) for row in rows)
    programs = find_programs(running) if rows else None
    containers = (decode_container(one, log) for one in json.loads(inspected))
    return tuple(replace(one, programs=programs, image_env=()) for one in containers)


@lru_cache(_KEPT)
def _networks(inspected: str) -> tuple[DockerNetwork, ...]:
    return tuple(map(decode_network, json.loads(inspected)))


@lru_cache(_KEPT)
def _daemon(family: Family, replies: tuple[tuple[str, str], ...]) -> Bird:
    return decode_bird(family, dict(replies), now=AT)
