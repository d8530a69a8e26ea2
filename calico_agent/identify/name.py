"""The node name: what is configured, else the name of this host's kubelet, else the host name in lower case.

The kubelet lower-cases its --hostname-override (pkg/util/node/node.go@kubernetes v1.31), and so do we. calico/node
refuses names that are not lower-case RFC 1123 names (libcalico-go/lib/validator/v3/validator.go@v3.32.1), takes a
configured name as it is written, and lower-cases a host name (node/pkg/lifecycle/utils/utils.go@v3.32.1). A machine
called `localhost` has no name of its own: every such machine would overwrite the same node record.
"""

import re

from calico_agent.identify.name_sources import CONFIGURATION, HOST_NAME, KUBELET, LAST_CHOICE
from calico_agent.model.container import Docker
from calico_agent.model.host import Host
from calico_agent.model.identity import KeptIdentity, NameChoice
from calico_agent.model.observation import Unreadable

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_VALID = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST = 253
_LOCALHOST = re.compile(r"localhost[46]?(\..*)?")

_NOTHING_KEPT = KeptIdentity()
_CURE = 'Write the name into the configuration: [identity] name = "..."'


def choose_name(host: Host | Unreadable, configured: str, kept: KeptIdentity = _NOTHING_KEPT) -> NameChoice:
    """The name this host should register under, or the reason why it has none."""
    if configured:
        return _checked(configured, CONFIGURATION, f"The configured node name {configured!r}")
    if isinstance(host, Unreadable):
        refusal = f"The host name cannot be read: {host.reason}. {_CURE}."
        return NameChoice(None, refusal=refusal, refusal_code="NAME-UNKNOWN")
    if host.kubelet is not None and host.kubelet.hostname_override:
        override = host.kubelet.hostname_override
        return _checked(override.strip().lower(), KUBELET, f"The kubelet's --hostname-override {override!r}")
    name = host.hostname.strip().lower()
    if _still_named(kept, host, name):
        return _checked(kept.name, LAST_CHOICE, f"The node name of before, {kept.name!r},")
    return _checked(name, HOST_NAME, f"This machine's host name {host.hostname!r}")


def _still_named(kept: KeptIdentity, host: Host, name: str) -> bool:
    """Whether the name of before goes on: the kubelet that gave it is stopped, or it is the host name in another form.

    A host that calls itself by its short name and, after a restart, by its full one is still the same node. What a
    clone of a disk brings along is not its own: its host name, as a rule, or its machine-id is another.
    """
    if not kept.name or not host.machine_id or kept.machine_id != host.machine_id:
        return False
    if kept.name_source == KUBELET:
        return host.kubelet is None
    return kept.name_source == HOST_NAME and kept.name.partition(".")[0] == name.partition(".")[0]


def _checked(name: str, source: str, subject: str) -> NameChoice:
    if _LOCALHOST.fullmatch(name.lower()):
        refusal = f"{subject} is no node name: every machine is called that, and all would share one node. {_CURE}."
        return NameChoice(None, source, refusal, "NAME-LOCALHOST")
    if len(name) > _LONGEST or not _VALID.fullmatch(name):
        refusal = (
            f"{subject} is not a valid node name: Calico takes at most {_LONGEST} lower-case letters, digits, '-' and "
            f"'.', with a letter or digit at both ends of each part. {_CURE}."
        )
        return NameChoice(None, source, refusal, "NAME-INVALID")
    return NameChoice(name, source)


def own_names(name: NameChoice, host: Host | Unreadable, docker: Docker | Unreadable) -> frozenset[str]:
    """The names under which this host may be registered: the one it should have, and those it may have had."""
    names = {name.name or ""}
    if isinstance(host, Host):
        names |= {host.hostname.lower(), host.nodename_file or ""}
    if isinstance(docker, Docker):
        names |= {container.env_value("NODENAME") for container in docker.containers}
    return frozenset(names - {""})
