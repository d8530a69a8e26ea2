"""etcd by its v2 API, which Calico 2.x uses."""

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend, Claims
from calico_agent.sources.datastore.etcd2.decode import PREFIXES, assemble, decode_key
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.etcd3.decode import block_key
from calico_agent.sources.datastore.server.endpoints import Endpoint, endpoints_of
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.reachability import probe


class Etcd2(Backend):
    """A list and long polls for each prefix, no claims. Blocks lie where they do in v3."""

    source = "etcd"
    prefixes = PREFIXES
    follows_blocks = True
    endpoints = staticmethod(endpoints_of)
    probe = staticmethod(probe)
    decode = staticmethod(decode_key)
    assemble = staticmethod(assemble)
    block_key = staticmethod(block_key)

    def connect(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> ConnectionV2:
        """A connection to one member."""
        return ConnectionV2(endpoint, settings, timeout)

    def claims(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> Claims:  # noqa: ARG002
        """None: agents claim names since Calico 3 alone."""
        raise DatastoreError("names are not claimed in etcd's v2 API", "unset")
