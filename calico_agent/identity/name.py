"""The node name: what is configured, else what this machine is in the cluster already, else the name of its kubelet,
else the host name in lower case.

The kubelet lower-cases its --hostname-override (pkg/util/node/node.go@kubernetes v1.31), and so do we. calico/node
refuses names that are not lower-case RFC 1123 names (libcalico-go/lib/validator/v3/validator.go@v3.32.1), takes a
configured name as it is written, and lower-cases a host name (node/pkg/lifecycle/utils/utils.go@v3.32.1). A machine
called `localhost` has no name of its own: every such machine would overwrite the same node record.

Calico 2.x is another matter: calico/node v1.3.0 takes a host name as it is, and Felix 2.x allows letters of either
case, digits and `_.-` (config/config_params.go@2.3.0).
"""

import re
from dataclasses import replace

from calico_agent.faults.node.identity import NAME_INVALID, NAME_LOCALHOST, NAME_UNKNOWN
from calico_agent.identity.established import Established
from calico_agent.identity.name_sources import CONFIGURATION, HOST_NAME, KUBELET, LAST_CHOICE
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import KeptIdentity, NameChoice
from calico_agent.model.observation import Unreadable

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_VALID = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_VALID_AS_WRITTEN = re.compile(r"[a-zA-Z0-9_.-]+")
_LONGEST = 253
_LOCALHOST = re.compile(r"localhost[46]?(\..*)?")

_NOTHING_KEPT = KeptIdentity()
_CURE = 'Write the name into the configuration: [identity] name = "..."'


def choose_name(
    host: Host | Unreadable,
    configured: str,
    kept: KeptIdentity = _NOTHING_KEPT,
    established: Established | None = None,
    recorded: Established | None = None,
    *,
    as_written: bool = False,
) -> NameChoice:
    """Return the name this host should register under, or the reason why it has none."""
    if configured:
        return _checked(configured, CONFIGURATION, f"The configured node name {configured!r}", as_written=as_written)
    if isinstance(host, Unreadable):
        refusal = f"The host name cannot be read: {host.reason}. {_CURE}."
        return NameChoice(None, refusal=refusal, refused_by=NAME_UNKNOWN, as_written=as_written)
    name = host.hostname.strip() if as_written else host.hostname.strip().lower()
    override = host.kubelet.hostname_override if host.kubelet is not None else ""
    if established is not None:
        return _goes_on(established, name, override.strip().lower(), kept, as_written=as_written)
    if override:
        said = f"The kubelet's --hostname-override {override!r}"
        return _checked(override.strip().lower(), KUBELET, said, as_written=as_written)
    if _still_named(kept, host, name):
        return _checked(kept.name, LAST_CHOICE, f"The node name of before, {kept.name!r},", as_written=as_written)
    if recorded is not None and not as_written:
        by_record = _checked(recorded.name, recorded.source, f"The name of this host's record, {recorded.name!r},")
        if by_record.name is not None:
            return replace(by_record, evidence=recorded.evidence)
    return _checked(name, HOST_NAME, f"This machine's host name {host.hostname!r}", as_written=as_written)


def _goes_on(
    established: Established, hostname: str, override: str, kept: KeptIdentity, *, as_written: bool
) -> NameChoice:
    """The name that is established already; where the kubelet or the host says the same, it is said by them."""
    source = {hostname: HOST_NAME, override: KUBELET}.get(established.name, established.source)
    was_host_name = established.name == kept.name and kept.name_source == HOST_NAME
    another = was_host_name and not _same_host(established.name, hostname)
    usable = _checked(hostname, HOST_NAME, "", as_written=as_written).name is not None
    return NameChoice(
        established.name,
        source,
        evidence=established.evidence,
        renamed=hostname if another and usable else "",
        as_written=as_written,
    )


def _still_named(kept: KeptIdentity, host: Host, name: str) -> bool:
    """Whether the name of before goes on: the kubelet that gave it is stopped, or it is the host name in another form.

    A host that calls itself by its short name and, after a restart, by its full one is still the same node. What a
    clone of a disk brings along is not its own: its host name, as a rule, or its machine-id is another.
    """
    if not kept.name or not host.machine_id or kept.machine_id != host.machine_id:
        return False
    if kept.name_source == KUBELET:
        return host.kubelet is None
    return kept.name_source == HOST_NAME and _same_host(kept.name, name)


def _same_host(one: str, other: str) -> bool:
    """Whether two names are one in its short and its full form."""
    return one.partition(".")[0] == other.partition(".")[0]


def _checked(name: str, source: str, subject: str, *, as_written: bool = False) -> NameChoice:
    if _LOCALHOST.fullmatch(name.lower()):
        refusal = f"{subject} is no node name: every machine is called that, and all would share one node. {_CURE}."
        return NameChoice(None, source, refusal, NAME_LOCALHOST, as_written=as_written)
    if len(name) > _LONGEST or not (_VALID_AS_WRITTEN if as_written else _VALID).fullmatch(name):
        allowed = (
            "letters, digits, '-', '_' and '.'"
            if as_written
            else "lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part"
        )
        refusal = f"{subject} is not a valid node name: Calico takes at most {_LONGEST} {allowed}. {_CURE}."
        return NameChoice(None, source, refusal, NAME_INVALID, as_written=as_written)
    return NameChoice(name, source, as_written=as_written)


def own_names(name: NameChoice, host: Host | Unreadable, docker: Docker | Unreadable) -> frozenset[str]:
    """Return the names under which this host may be registered: the one it should have, and those it may have had."""
    names = {name.name or ""}
    if isinstance(host, Host):
        names |= {host.hostname if name.as_written else host.hostname.lower(), host.nodename_file or ""}
    if isinstance(docker, Docker):
        names |= {container.env_value("NODENAME") for container in docker.containers}
        names |= {container.env_value("HOSTNAME") for container in docker.containers if name.as_written}
    return frozenset(names - {""})
