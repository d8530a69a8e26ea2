"""The backends there are, and which of them the settings ask for: the one place that knows.

Each is imported when it is asked for: a host has one datastore, and pays for no other.
"""

from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.backend import Backend


def backend_of(settings: DatastoreSettings) -> Backend:
    """The one that these settings ask for."""
    if settings.kubernetes is not None:
        from calico_agent.sources.datastore.kubernetes.backend import KubernetesBackend  # noqa: PLC0415 - see above

        return KubernetesBackend(settings.kubernetes)
    if settings.api is EtcdApi.V2:
        from calico_agent.sources.datastore.etcd2.backend import Etcd2  # noqa: PLC0415

        return Etcd2()
    from calico_agent.sources.datastore.etcd3.backend import Etcd3  # noqa: PLC0415

    return Etcd3()
