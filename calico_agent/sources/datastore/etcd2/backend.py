"""etcd by its v2 API, which Calico 2.x uses."""

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Backend
from calico_agent.sources.datastore.etcd2.decode import PREFIXES, assemble, decode_key
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.etcd3.decode import block_key
from calico_agent.sources.datastore.etcd_client.endpoints import EtcdEndpoint


class Etcd2(Backend):
    """A list and long polls for each prefix, no claims. Blocks lie where they do in v3."""

    prefixes = PREFIXES
    decode = staticmethod(decode_key)
    assemble = staticmethod(assemble)
    block_key = staticmethod(block_key)

    def connect(self, endpoint: EtcdEndpoint, settings: DatastoreSettings, timeout: float) -> ConnectionV2:
        """A connection to one member."""
        return ConnectionV2(endpoint, settings, timeout)
