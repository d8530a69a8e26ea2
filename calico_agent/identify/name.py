"""The node name: what is configured, else this machine's host name in lower case.

calico/node refuses names that are not lower-case RFC 1123 names (libcalico-go/lib/validator/v3/validator.go@v3.32.1),
takes a configured name as it is written, and lower-cases a host name (node/pkg/lifecycle/utils/utils.go@v3.32.1).
A machine called `localhost` has no name of its own: every such machine would overwrite the same node record.
"""

import re

from calico_agent.model.container import Docker
from calico_agent.model.host import Host
from calico_agent.model.identity import NameChoice
from calico_agent.model.observation import Unreadable

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_VALID = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST = 253
_LOCALHOST = re.compile(r"localhost[46]?(\..*)?")

_CURE = 'Write the name into the configuration: [identity] name = "..."'


def choose_name(host: Host | Unreadable, configured: str) -> NameChoice:
    """The name this host should register under, or the reason why it has none."""
    if configured:
        return _checked(configured, "configuration", f"The configured node name {configured!r}")
    if isinstance(host, Unreadable):
        refusal = f"The host name cannot be read: {host.reason}. {_CURE}."
        return NameChoice(None, refusal=refusal, refusal_code="NAME-UNKNOWN")
    return _checked(host.hostname.strip().lower(), "host name", f"This machine's host name {host.hostname!r}")


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
