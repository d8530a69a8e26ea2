"""calico/node's start-up: who am I, which address, does anybody else have it; then the records.

Order and texts: node/pkg/lifecycle/startup/startup.go@v3.31.7 and recorded logs. The name comes from
NODENAME, else from the file the last start left, else from HOSTNAME, else from the host; the address from IP,
else from the stored record, else it is detected. Both are sticky: what was once registered is kept until
somebody says otherwise.
"""

import re
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tests.lab.image import defaults, logs
from tests.lab.image.addresses import configure_addresses
from tests.lab.image.connection import connect
from tests.lab.image.errors import AddressError, StartError, terminate
from tests.lab.image.keys import NODES, affinities_of, new_resource, resource_key
from tests.lab.image.store import SettingsError, Store, UnauthorizedError, UnavailableError

NODENAME_FILE = Path("/var/lib/calico/nodename")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

T = TypeVar("T")


def run(environment: Mapping[str, str]) -> tuple[str, Store]:
    """Register this host; returns the node's name and the datastore.

    Raises:
        StartError: the reason has been logged.
    """
    logs.info("Early log level set to info")
    name = _node_name(environment)
    logs.info(f"Determined node name: {name}")
    logs.info(f"Starting node {name} with version ")
    try:
        store = connect(environment)
    except SettingsError as wrong:
        print(f"ERROR: Error accessing the Calico datastore: {wrong}", flush=True)
        raise StartError from wrong
    _wait_if_told(environment, store)
    logs.info("Upgrading any IPAM affinities from older versions....", node=name)
    patiently(lambda: store.list(affinities_of(name)))
    logs.info("No affinities needed to be upgraded.")
    patiently(lambda: defaults.ensure_cluster(store, environment))
    if environment.get("CALICO_NETWORKING_BACKEND", "bird") == "none":
        patiently(lambda: _register(store, name, environment, with_address=False))
    else:
        patiently(lambda: _register(store, name, environment, with_address=True))
    try:
        patiently(lambda: defaults.ensure_pools(store, environment))
    except defaults.ContradictionError as wrong:
        logs.error(str(wrong))
        raise terminate() from wrong
    patiently(lambda: defaults.ensure_felix(store, name))
    NODENAME_FILE.write_text(name)
    logs.info(f"Using node name: {name}")
    return name, store


def patiently(ask: Callable[[], T]) -> T:
    """Ask the datastore until it answers: calico/node waits for it without a word and without an end."""
    while True:
        try:
            return ask()
        except UnavailableError:
            time.sleep(0.5)


def _node_name(environment: Mapping[str, str]) -> str:
    if name := environment.get("NODENAME", "").strip():
        logs.info(f"Using NODENAME environment for node name {name}")
    elif NODENAME_FILE.exists():
        name = NODENAME_FILE.read_text()
        logs.info(f"Using stored node name {name} from {NODENAME_FILE}")
    elif name := environment.get("HOSTNAME", "").strip().lower():
        logs.info(f"Using HOSTNAME environment (lowercase) for node name {name}")
    else:
        name = socket.gethostname().strip().lower()
        logs.warning(
            "Using auto-detected node name. It is recommended that an explicit value is supplied using the NODENAME "
            "environment variable."
        )
    return name


def _wait_if_told(environment: Mapping[str, str], store: Store) -> None:
    if environment.get("WAIT_FOR_DATASTORE") != "true":
        logs.info("Skipping datastore connection test")
        return
    logs.info("Checking datastore connection")
    while True:
        try:
            store.get(f"{NODES}foo")
        except UnauthorizedError as refusal:
            logs.warning("Connection to the datastore is unauthorized", error=refusal)
            raise terminate() from refusal
        except UnavailableError:
            logs.info("Hit error connecting to datastore - retry")
            time.sleep(1)
        else:
            logs.info("Datastore connection verified")
            return


def _register(store: Store, name: str, environment: Mapping[str, str], *, with_address: bool) -> None:
    """Write our node record; again from the start when somebody else wrote it meanwhile."""
    stored = store.get(NODES + name)
    if stored is None and store.kubernetes:
        logs.error("Failed to read Node from datastore", error=ValueError(f'nodes "{name}" not found'))
        raise terminate()
    if stored is None:
        logs.info("Building new node resource", Name=name)
    node = new_resource("nodes", name, {}) | {"status": {}} if stored is None else stored.value
    if not environment.get("KUBERNETES_SERVICE_HOST"):
        logs.warning(
            "error creating inClusterConfig, falling back to default config: unable to load in-cluster configuration, "
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"
        )
    if with_address:
        before = dict(node["spec"].get("bgp") or {})
        try:
            configure_addresses(store, node, environment)
        except AddressError as failure:
            if stored is not None and failure.erases:
                _erase_detected(store, name, node, before, environment, stored.revision)
            raise terminate() from failure
        if "asNumber" not in node["spec"]["bgp"]:
            logs.info("No AS number configured on node resource, using global value")
    if reference := environment.get("CALICO_K8S_NODE_REF"):
        node["spec"]["orchRefs"] = [{"nodeName": reference, "orchestrator": "k8s"}]
    if not _NAME.fullmatch(name):
        reason = (
            f"error with field Metadata.Name = '{name}' (name must consist of lower case alphanumeric characters, "
            r"'-' or '.' (regex: [a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*))"
        )
        logs.error("Unable to set node resource configuration", error=ValueError(reason))
        raise terminate()
    if not store.update(resource_key("nodes", name), node, stored.revision if stored else 0):
        raise UnavailableError(f"update conflict: {NODES}{name}")


def _erase_detected(
    store: Store,
    name: str,
    node: dict[str, Any],
    before: dict[str, Any],
    environment: Mapping[str, str],
    revision: int,
) -> None:
    """After a failure the stored address of a family that was to be detected is erased."""
    asked = {
        field
        for field, variable in (("ipv4Address", "IP"), ("ipv6Address", "IP6"))
        if environment.get(variable) == "autodetect" and before.get(field)
    }
    if asked:
        logs.info("Clearing out-of-date IPv4 address from this node")
        node["spec"]["bgp"] = {field: value for field, value in before.items() if field not in asked}
        store.update(NODES + name, node, revision)
