"""etcd by its v3 API, which Calico uses since its version 3."""

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend
from calico_agent.sources.datastore.calico.assembly import assemble
from calico_agent.sources.datastore.etcd3.claims import EtcdClaims
from calico_agent.sources.datastore.etcd3.decode import PREFIXES, block_key, decode_key
from calico_agent.sources.datastore.etcd3.reader import ConnectionV3
from calico_agent.sources.datastore.server.endpoints import Endpoint, endpoints_of
from calico_agent.sources.datastore.server.reachability import probe


class Etcd3(Backend):
    """Lists of one revision, a watch that tells, claims on names."""

    source = "etcd"
    prefixes = PREFIXES
    follows_blocks = True
    endpoints = staticmethod(endpoints_of)
    probe = staticmethod(probe)
    decode = staticmethod(decode_key)
    assemble = staticmethod(assemble)
    block_key = staticmethod(block_key)

    def connect(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> ConnectionV3:
        """A connection to one member."""
        return ConnectionV3(endpoint, settings, timeout)

    def claims(self, endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> EtcdClaims:
        """The same, to claim names."""
        return EtcdClaims(endpoint, settings, timeout)
