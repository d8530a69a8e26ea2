"""Where the datastore is, and its last reading that was believed: followed by a daemon, read once by who looks once.

Without configuration its settings come from the calico/node that runs here.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from calico_agent.config import Config
from calico_agent.errors import ConfigError
from calico_agent.expected.local_node import node_container
from calico_agent.model.assessment import Key
from calico_agent.model.calico.autodetection import MethodKind
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.network.address import IPAddress, IPNetwork
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, Mode
from calico_agent.report.node_doubts import NodeDoubts
from calico_agent.sources.datastore.backend import Backend, BackendOf, HolderReader, NodeObjectReader
from calico_agent.sources.datastore.backends import backend_of, name_holders_of, node_objects_of
from calico_agent.sources.datastore.cache import SnapshotFile
from calico_agent.sources.datastore.cache_writer import CacheWriter
from calico_agent.sources.datastore.reading import read_datastore
from calico_agent.sources.datastore.server.endpoints import resolve_endpoints
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.single_reads import read_blocks
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from calico_agent.sources.kubernetes.node_process import (
    datastore_of_plugin,
    datastore_of_process,
    kubernetes_of_container,
)

# The first pass waits that long for etcd, so that a daemon that was just started does not begin with "unknown".
_FIRST_ANSWER_SECONDS = 3.0

_SNAPSHOT = "datastore.snapshot"

if TYPE_CHECKING:
    from calico_agent.sources.datastore.mirror import Mirror

MIRROR, KEEPER, HOLDERS = "datastore_mirror", "datastore_snapshot", "name_holders"
"""What works beside the passes, and would be missed."""


class DatastoreSource:
    """`settings` is where the datastore is as of the last reading, None while nobody said.

    `endpoints` are the addresses of its servers.
    """

    def __init__(
        self, config: Config, wake: Callable[[str], None], *, one_shot: bool, backends: BackendOf = backend_of
    ) -> None:
        """`wake` is called from watching threads; with `one_shot` the datastore is read, and not watched."""
        self._backends = backends
        self._backend: Backend | None = None
        self._config = config
        self._wake = wake
        self._one_shot = one_shot
        self._mirror: Mirror | None = None
        self._keeper: CacheWriter | None = None
        self._holders: HolderReader | None = None
        self._files_trouble: Unreadable | None = None
        self._hung: Unreadable | None = None
        self._silent = True
        self._nodes: NodeObjectReader | None = None
        self._listed = math.inf
        self._doubts = NodeDoubts()
        self.settings: DatastoreSettings | None = None
        self.endpoints: tuple[IPAddress, ...] = ()

    @property
    def files_trouble(self) -> Unreadable | None:
        """Why the next connection could not be made with the files that are on the disk now."""
        return self._files_trouble or (self._mirror.files_trouble if self._mirror is not None else None)

    @property
    def snapshot_trouble(self) -> Unreadable | None:
        """Why the reading is not kept for the next start."""
        return self._keeper.error if self._keeper is not None else None

    @property
    def snapshot_at(self) -> datetime | None:
        """When the reading was made that is kept for the next start; None where none is."""
        return self._keeper.kept_from if self._keeper is not None else None

    def read(self, docker: Docker | Unreadable) -> tuple[Datastore | Unreadable, Unreadable | None]:
        """The last reading that was believed, and why there is no newer one."""
        current = self._read_current(docker)
        self._silent = isinstance(current, Unreadable)
        if isinstance(current, Unreadable) and (last := self._last_good()) is not None:
            return last, current
        return current, None

    def blocks_of(self, datastore: Datastore | Unreadable, wanted: Collection[IPNetwork]) -> tuple[Block, ...]:
        """Some blocks as they are now, whichever pods came and went since the datastore was read."""
        if self._backend is not None and self.settings is not None and not self._backend.follows_blocks:
            return read_blocks(self._backend, self.settings, wanted)
        if self._mirror is not None:
            return self._mirror.blocks(wanted)
        blocks = () if isinstance(datastore, Unreadable) else datastore.blocks
        return tuple(block for block in blocks if block.cidr in wanted)

    def nodes_of(self, names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        """What Kubernetes says of some nodes; none where the datastore is another one, and while it does not answer."""
        if self.settings is None or self._silent:
            return {}
        if self._nodes is None or self._nodes.settings != self.settings:
            self._nodes = node_objects_of(self.settings)
        return {} if self._nodes is None else self._nodes.read(names)

    def doubted(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Those of findings, by their keys, that wait until nodes are known as they are now. Has that done soon.

        None where they are always known, and while the datastore does not answer.
        """
        if self._mirror is None or self._backend is None:
            return frozenset()
        if self._silent:
            self._doubts.believe(keys)
            return frozenset()
        waiting, after = self._doubts.judge(keys, self._listed, time.monotonic())
        if after is not None:
            self._backend.list_nodes(after)
        return waiting

    def with_holders(self, observation: Observation, names: frozenset[str]) -> Observation:
        """The same, with who has these names, where the reading of the datastore does not have all claims."""
        datastore = observation.datastore
        if self._holders is None or not names or isinstance(datastore, Unreadable):
            return observation
        found = self._holders.of(names, _FIRST_ANSWER_SECONDS)
        claimable = self._config.mode is Mode.SUPERVISE
        known = replace(datastore, claims=found.claims, claims_trouble=found.refused, claimable=claimable)
        return replace(observation, datastore=known, datastore_trouble=observation.datastore_trouble or found.trouble)

    def look_at_holders(self) -> None:
        """Ask for them anew soon: a claim was written."""
        if self._holders is not None:
            self._holders.look_again()

    def heartbeat(self, part: str) -> float:
        """When a part was last seen alive (monotonic seconds); now, where it is not used."""
        found = {MIRROR: self._mirror, KEEPER: self._keeper, HOLDERS: self._holders}[part]
        return found.heartbeat() if found is not None else time.monotonic()

    def close(self) -> None:
        """End what is followed."""
        if self._holders is not None:
            self._holders.stop()
        self._holders = None
        if self._mirror is not None:
            if self._keeper is not None:
                self._keeper.stop()
            self._mirror.stop()
        self._mirror = self._keeper = None

    def _last_good(self) -> Datastore | None:
        if self._mirror is not None:
            return self._mirror.last_good()
        return self._keeper.load() if self._keeper is not None else None

    def _read_current(self, docker: Docker | Unreadable) -> Datastore | Unreadable:
        settings = self._read_settings(docker)
        if isinstance(settings, Unreadable):
            if self.settings is None:
                return settings
            settings = self.settings  # the container or file that told us is gone; the cluster is where it was
        if settings != self.settings:
            self._follow(settings)
        if self._mirror is not None and self._backend is not None:
            self._listed = self._backend.nodes_listed  # before: what is read then is as new, or newer
            return self._mirror.snapshot()
        if self._hung is not None:
            return self._hung
        read = read_datastore(settings, timeout=settings.timeout, backend=self._backend)
        self._hung = read if isinstance(read, Unreadable) and read.code == "timeout" else None
        return read

    def _read_settings(self, docker: Docker | Unreadable) -> DatastoreSettings | Unreadable:
        self._files_trouble = None
        try:
            settings = self._config.datastore_settings() or settings_from(docker, self._config.node.container_name)
        except ConfigError as error:
            self._files_trouble = Unreadable("etcd", str(error), "file")
            return self._files_trouble
        if isinstance(settings, Unreadable):
            return settings
        return replace(settings, timeout=self._config.datastore.timeout_seconds)

    @staticmethod
    def _servers(backend: Backend, settings: DatastoreSettings) -> tuple[str, ...]:
        """Those of etcd are configured; a credential names that of Kubernetes."""
        if settings.endpoints:
            return settings.endpoints
        try:
            return tuple(map(str, backend.endpoints(settings)))
        except DatastoreError:
            return ()  # the reading tells of it

    def _follow(self, settings: DatastoreSettings) -> None:
        self.settings = settings
        self._backend = self._backends(settings)
        self.endpoints = resolve_endpoints(self._servers(self._backend, settings))
        self.close()
        directory = self._config.agent.state_dir
        supervises = self._config.mode is Mode.SUPERVISE
        if supervises or MethodKind.INTERNAL_IP in (self._config.identity.method, self._config.identity.method6):
            self._holders = name_holders_of(settings, self._wake, leases=supervises)
        self._keeper = CacheWriter(SnapshotFile(Path(directory, _SNAPSHOT), settings)) if directory else None
        if self._one_shot:
            return
        from calico_agent.sources.datastore.mirror import Mirror  # noqa: PLC0415 - who looks once need not load it

        remembered = self._keeper.load() if self._keeper else None
        self._mirror = Mirror(settings, self._wake, remembered=remembered, backend=self._backend)
        self._doubts = NodeDoubts()
        self._mirror.start()
        if self._keeper is not None:
            self._keeper.keep(self._mirror.last_good)
        self._mirror.wait(_FIRST_ANSWER_SECONDS)


def settings_from(docker: Docker | Unreadable, name: str) -> DatastoreSettings | Unreadable:
    """The datastore of this host's calico/node, whatever started it: by its container, process, or CNI plugin.

    A container need not run to tell where etcd is: where the cluster's data is stays so.
    """
    node = None if isinstance(docker, Unreadable) else node_container(docker, name)
    if node is not None:
        found = datastore_settings(node)
        in_kubernetes = isinstance(found, Unreadable) and found.code == "kubernetes"
        return kubernetes_of_container(node) if in_kubernetes else found
    hangs = isinstance(docker, Unreadable) and docker.code != "absent"  # its containers may be there all the same
    elsewhere = None if hangs else datastore_of_process() or datastore_of_plugin()
    if elsewhere is not None:
        return elsewhere
    if isinstance(docker, Unreadable):
        return Unreadable("etcd", f"no datastore is configured, and Docker cannot be asked: {docker.reason}", "unset")
    reason = "no datastore is configured, and there is no calico/node container here to take its settings from"
    return Unreadable("etcd", reason, "unset")
