"""Sentences that several rules share: whose address something is, and how an address is given to calico/node."""

from calico_agent.model.address import IPInterface
from calico_agent.model.identity import Candidate
from calico_agent.verify.view import View

_LISTED = 3


def listed(names: tuple[str, ...]) -> str:
    """Some names in a sentence: all of a few, the first of many."""
    if len(names) > _LISTED:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def counted(number: int, thing: str) -> str:
    """A number with its noun."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def in_family(name: str, version: int) -> str:
    """A node as the subject of a finding: IPv4 and IPv6 of one node can be wrong at the same time."""
    return name if version == 4 else f"{name} (IPv6)"


def owner_of(candidate: Candidate) -> str:
    """Whose address this is: `Docker's bridge docker0`."""
    kind = "Docker's bridge" if candidate.reason == "docker-network" else "the bridge"
    return f"{kind} {candidate.link}"


def env_of(address: IPInterface) -> str:
    """The variable by which calico/node is given an address."""
    return f"{'IP' if address.version == 4 else 'IP6'}={address}"


def cure_here(view: View, *settings: str) -> str:
    """How calico/node on this host is given other settings."""
    container = view.local.container
    if view.supervised and (container is None or container.managed):
        return f"calico-agent replaces the container with {' '.join(settings)}"
    name = container.name if container is not None else "calico-node"
    if view.supervised:
        return f"docker rm -f {name}: calico-agent then makes one of its own with {' '.join(settings)}"
    options = " ".join(f"-e {setting}" for setting in settings)
    return f"docker rm -f {name}, then start it again with {options}; or run calico-agent in supervise mode"


def cure_there(node: str, setting: str) -> str:
    """How calico/node on another host is given another setting."""
    return (
        f"on {node}: remove the calico/node container and start it with {setting}, "
        "or run calico-agent there in supervise mode"
    )
