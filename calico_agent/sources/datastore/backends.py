"""The backends there are, and which of them the settings ask for: the one place that knows.

Each is imported when it is asked for: a host has one datastore, and pays for no other.
"""

from collections.abc import Callable

from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.backend import Backend, HolderReader, NodeObjectReader


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


def name_holders_of(settings: DatastoreSettings, wake: Callable[[str], None], *, leases: bool) -> HolderReader | None:
    """Who asks for the holders of single names; None where the reading of the datastore has all claims."""
    if settings.kubernetes is None:
        return None
    from calico_agent.sources.datastore.kubernetes.leases.name_holders import NameHolders  # noqa: PLC0415

    return NameHolders(settings.kubernetes, settings.timeout, wake, leases=leases)


def node_objects_of(settings: DatastoreSettings) -> NodeObjectReader | None:
    """Who asks what Kubernetes says of nodes; None where the datastore is another one."""
    if settings.kubernetes is None:
        return None
    from calico_agent.sources.datastore.kubernetes.cluster_nodes import ClusterNodeReader  # noqa: PLC0415

    return ClusterNodeReader(settings)
