"""How one container takes the place of another, told from the containers alone.

`calico-node-next` is made while the old one still runs; then the old one becomes `calico-node-previous` and is stopped,
and the next one gets its name and is started. The previous one is kept until the new one is ready. If that never comes,
the new one becomes `calico-node-refused`, stopped, and the previous one runs again under its old name. Which of them
there are says how far it has come, so that an agent that was killed in between knows what is left to do.

One that somebody else made and that is taken over goes the same way, but is kept for good in the end, set aside.
"""

from dataclasses import dataclass

from calico_agent.model.container.container import Container, ContainerSpec, Docker
from calico_agent.model.container.drift import differences
from calico_agent.model.container.image import PullPolicy

# What decides who the node is. A container made for another identity must not run here again.
_IDENTITY = ("NODENAME", "IP", "IP6")

# Values by which calico/node finds an address itself, or keeps the one that is registered, or has none
# (node/pkg/lifecycle/startup/startup.go@v3.32.1).
_LEFT_OPEN = frozenset({"", "autodetect", "none"})


def next_name(name: str) -> str:
    """What a container is called that is made, and not yet in its place."""
    return f"{name}-next"


def previous_name(name: str) -> str:
    """What the container is called that was replaced, until its successor is ready."""
    return f"{name}-previous"


def refused_name(name: str) -> str:
    """What a container is called that did not get ready, and was taken back."""
    return f"{name}-refused"


def aside_name(name: str, container: Container) -> str:
    """What a container of that name is called that somebody else made, once another has its place."""
    return f"{name}-before-calico-agent-{container.id[:6]}"


@dataclass(frozen=True, slots=True)
class Parts:
    """The containers that a replacement is made of; `current` has the configured name.

    `current` and `previous` may be somebody else's, the others are this agent's.
    """

    current: Container | None = None
    next: Container | None = None
    previous: Container | None = None
    refused: Container | None = None


def parts_of(docker: Docker, name: str) -> Parts:
    """The parts that there are."""
    named = {found.name: found for found in docker.containers}
    ours = {key: found for key, found in named.items() if found.managed}
    return Parts(
        current=named.get(name),
        next=ours.get(next_name(name)),
        previous=named.get(previous_name(name)),
        refused=ours.get(refused_name(name)),
    )


def is_made_from(container: Container, spec: ContainerSpec, docker: Docker, policy: PullPolicy) -> bool:
    """Whether `container` is what would be made from `spec` now."""
    return container.managed and container.spec_hash == spec.hash and not newer_image(container, docker, policy)


def drift(container: Container, spec: ContainerSpec, docker: Docker, policy: PullPolicy) -> tuple[str, ...]:
    """What would have to change in `container` to make it the wanted one, its image's content included."""
    newer = newer_image(container, docker, policy)
    return (*((newer,) if newer else ()), *differences(container, spec))


def newer_image(container: Container, docker: Docker, policy: PullPolicy) -> str:
    """The difference, if the reference that `container` was made from stands for another image now, and that counts."""
    image = docker.image
    if policy is not PullPolicy.ALWAYS or image is None or container.image != image.reference:
        return ""
    if not container.image_id or container.image_id == image.id:
        return ""
    return f"{image.reference} is now {_short(image.id)}, and it was made from {_short(container.image_id)}"


def refused(docker: Docker, spec: ContainerSpec, policy: PullPolicy) -> Container | None:
    """The container that was made from `spec` and did not get ready; it is not tried again while it is there."""
    found = parts_of(docker, spec.name).refused
    return found if found is not None and is_made_from(found, spec, docker, policy) else None


def identity_of(spec: ContainerSpec) -> tuple[tuple[str, str], ...]:
    """The variables of `spec` that decide who the node is; empty values for what is not given."""
    given = dict(spec.env)
    return tuple((name, given.get(name, "")) for name in _IDENTITY)


def same_identity(container: Container, spec: ContainerSpec) -> bool:
    """Whether `container` runs calico/node under the name and the addresses of `spec`.

    The length of the prefix that is written behind an address makes no other node.
    """
    return all(_bare(container.env_value(name)) == _bare(value) for name, value in identity_of(spec))


def may_return(container: Container, spec: ContainerSpec) -> bool:
    """Whether a container that was replaced may run here again: for ours, if it is for the same name and addresses.

    Somebody else's need not say who it is: what it finds by itself it found on this host before.
    """
    if container.managed:
        return same_identity(container, spec)
    given = {name: container.env_value(name) for name in _IDENTITY}
    given["NODENAME"] = given["NODENAME"] or container.env_value("HOSTNAME")
    wanted = dict(identity_of(spec))
    return all(value in _LEFT_OPEN or _bare(value) == _bare(wanted[name]) for name, value in given.items())


def _bare(value: str) -> str:
    return value.partition("/")[0]


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
