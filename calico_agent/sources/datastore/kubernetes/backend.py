"""The Kubernetes API as Calico's datastore."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from calico_agent.model.calico.node import Datastore
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.sources.datastore.backend import Backend
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.decode import BLOCKS, PREFIXES, assemble, block_key, decode_key
from calico_agent.sources.datastore.kubernetes.leases.lease_claims import LeaseClaims
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.reader import KubernetesConnection, Seen
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.reachability import reach


class KubernetesBackend(Backend):
    """A revision for each kind, watches or polls by the size of the cluster, Leases for claims."""

    source = "the Kubernetes API"
    decode = staticmethod(decode_key)
    block_key = staticmethod(block_key)

    def __init__(self, settings: KubernetesSettings) -> None:
        self._pod_cidrs = settings.pod_cidrs
        self._group = settings.api_group
        self._credentials = Logins(settings)
        self._seen = Seen()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The kinds that are read."""
        return self._seen.prefixes or PREFIXES

    @property
    def follows_blocks(self) -> bool:
        """Not in a large cluster."""
        return self._pod_cidrs or BLOCKS in self.prefixes

    @property
    def nodes_listed(self) -> float:
        """In a large cluster they are listed now and then."""
        return self._seen.rounds.taken

    def list_nodes(self, after: float) -> None:
        """Soon: not all hosts at once."""
        self._seen.rounds.want(after)

    def endpoints(self, settings: DatastoreSettings) -> tuple[Endpoint, ...]:  # noqa: ARG002 - those it was made with
        """The one server that the credential names, or the proxy in front of it."""
        login = self._credentials.login()
        server = login.proxy or login.server
        try:
            parts = urlsplit(server if "://" in server else f"https://{server}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if not host:
            raise DatastoreError(f"the server {server[:200]!a} of the credential is no URL", "config")
        tls = parts.scheme != "http"
        return (Endpoint(host, port or (443 if tls else 80), tls),)

    def probe(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:  # noqa: ARG002
        """Raise DatastoreError where the credential cannot be read or nobody takes a connection."""
        self._credentials.login()
        reach(endpoint, timeout).close()

    def connect(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> KubernetesConnection:  # noqa: ARG002
        """A connection to the server."""
        return KubernetesConnection(
            endpoint, ApiClient(self._credentials, timeout), self._seen, pod_cidrs=self._pod_cidrs, group=self._group
        )

    def claims(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> LeaseClaims:  # noqa: ARG002
        """The same, to claim names by Leases."""
        return LeaseClaims(ApiClient(self._credentials, timeout))

    def assemble(self, decoded: Mapping[str, Any], *, revision: int, read_at: datetime | None) -> Datastore:
        """The datastore made of what each object holds."""
        read = assemble(
            decoded,
            revision=revision,
            read_at=read_at,
            pod_cidrs=self._pod_cidrs,
            follows_blocks=self.follows_blocks,
        )
        return replace(read, api_group=self._seen.group)
