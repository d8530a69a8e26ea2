"""What differs between the two APIs of etcd: how a member is spoken to, what is read, and how that is understood."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calico_agent.model.calico.node import Datastore
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.etcd2 import decode as etcd_v2
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.etcd3 import decode as etcd
from calico_agent.sources.datastore.etcd3.reader import Connection
from calico_agent.sources.datastore.etcd_client.endpoints import EtcdEndpoint

AnyConnection = Connection | ConnectionV2


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API. `decode` says what a key holds (None: nothing of interest), `assemble` makes a datastore of it all."""

    connect: Callable[[EtcdEndpoint, DatastoreSettings, float], AnyConnection]
    prefixes: tuple[str, ...]
    decode: Callable[[str, bytes], Any]
    assemble: Callable[..., Datastore]


V3 = Dialect(Connection, etcd.PREFIXES, etcd.decode_key, etcd.assemble)
V2 = Dialect(ConnectionV2, etcd_v2.PREFIXES, etcd_v2.decode_key, etcd_v2.assemble)


def dialect_of(settings: DatastoreSettings) -> Dialect:
    """The one that these settings ask for."""
    return V2 if settings.api is EtcdApi.V2 else V3
