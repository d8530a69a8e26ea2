"""Calico's datastore by the environment of calico/node, as libcalico-go/lib/apiconfig has it."""

import ssl
from collections.abc import Mapping

from tests.lab.image.api import read_login
from tests.lab.image.etcd import Etcd
from tests.lab.image.kubernetes import KubernetesStore
from tests.lab.image.store import SettingsError, Store


def connect(environment: Mapping[str, str]) -> Store:
    """A client from calico/node's environment; each variable may also have the prefix CALICO_.

    Raises:
        SettingsError: with the text that calico/node prints.
    """

    def setting(name: str) -> str:
        return environment.get(name) or environment.get(f"CALICO_{name}", "")

    kind = setting("DATASTORE_TYPE") or ("etcdv3" if setting("ETCD_ENDPOINTS") else "kubernetes")
    if kind == "kubernetes":
        return KubernetesStore(read_login(setting))
    if kind != "etcdv3":
        raise SettingsError(f"unknown datastore type: {kind}")
    endpoints = tuple(part.strip() for part in setting("ETCD_ENDPOINTS").split(",") if part.strip())
    if not endpoints:
        raise SettingsError("no etcd endpoints specified")
    if not endpoints[0].startswith("https"):
        return Etcd(endpoints, None)
    authority, certificate, key = (setting(f"ETCD_{name}_FILE") for name in ("CA_CERT", "CERT", "KEY"))
    for file in filter(None, (certificate, key, authority)):
        try:
            with open(file, "rb"):  # noqa: PTH123 - only to learn whether it can be opened
                pass
        except OSError as failure:
            reason = (failure.strerror or "").lower()
            raise SettingsError(f"could not initialize etcdv3 client: open {file}: {reason}") from failure
    try:
        tls = ssl.create_default_context(cafile=authority or None)
        if certificate:
            tls.load_cert_chain(certificate, key or None)
    except ssl.SSLError as failure:
        raise SettingsError(f"could not initialize etcdv3 client: {failure.reason}") from failure
    return Etcd(endpoints, tls)
