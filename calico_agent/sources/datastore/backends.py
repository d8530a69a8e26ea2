"""The backends there are, and which of them the settings ask for: the one place that knows."""

from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.backend import Backend
from calico_agent.sources.datastore.etcd2.backend import Etcd2
from calico_agent.sources.datastore.etcd3.backend import Etcd3

_BACKENDS: dict[EtcdApi, type[Backend]] = {EtcdApi.V2: Etcd2, EtcdApi.V3: Etcd3}


def backend_of(settings: DatastoreSettings) -> Backend:
    """The one that these settings ask for."""
    return _BACKENDS[settings.api]()
