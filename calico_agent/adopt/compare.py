"""Every difference between the container that was described and the one that calico-agent will make."""

from collections.abc import Iterator
from dataclasses import fields

from calico_agent.adopt.described import Described, Difference
from calico_agent.adopt.draft import Draft
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.container.run_options import RunOptions
from calico_agent.secret import shown_log_option, shown_value

_FOUND = {
    "NODENAME": ("name", "this host's name"),
    "IP": ("ipv4", "this host's address"),
    "IP6": ("ipv6", "this host's IPv6 address"),
}
_NO_REASON = "calico-agent does not give it"


def compare(described: Described, spec: ContainerSpec, draft: Draft) -> Iterator[Difference]:
    """In the order in which a person reads a container: what it is, what it is told, what it sees, what it may."""
    yield from _simple(described, spec, draft)
    yield from _environment(described, spec, draft)
    yield from _mounts(described, spec, draft)
    yield from _options(described, spec, draft)
    yield from described.remarks


def _difference(draft: Draft, subject: str, was: str, becomes: str, place: str) -> Difference:
    why = draft.reasons.get(subject, _NO_REASON)
    return Difference(subject, was, becomes, why, place, lost=subject in draft.lost or subject not in draft.reasons)


def _simple(described: Described, spec: ContainerSpec, draft: Draft) -> Iterator[Difference]:
    wanted = {
        "image": (described.image, spec.image),
        "name": (described.name, spec.name),
        "network": (described.network, "host"),
        "privileged": (described.privileged, "true"),
        "restart": (described.restart, "no"),
        "command": (described.command, ""),
    }
    for subject, (given, becomes) in wanted.items():
        if given.value != becomes:
            yield _difference(draft, subject, given.value, becomes, given.place)
    if "preset" in draft.lost:
        yield _difference(draft, "preset", "", str(draft.settings["node", "preset"]), described.image.place)


def _environment(described: Described, spec: ContainerSpec, draft: Draft) -> Iterator[Difference]:
    wanted = {name: _in_words(draft, name, value) for name, value in spec.env}
    for name in sorted(described.env.keys() | wanted.keys()):
        given, becomes = described.env.get(name), wanted.get(name)
        if given is None:
            yield _difference(draft, name, "", _shown(name, becomes), "")
        elif given.unknown or given.value != becomes:
            was = "(not known)" if given.unknown else _shown(name, given.value)
            yield _difference(draft, name, was, _shown(name, becomes), given.place)


def _in_words(draft: Draft, name: str, value: str) -> str:
    """What the agent finds when it starts, and what has to be filled in, is said in words: no value is known here."""
    if name == "ETCD_ENDPOINTS" and ("datastore", "endpoints") in dict(draft.fill_in):
        return "what will be filled in"
    if name not in _FOUND:
        return value
    key, words = _FOUND[name]
    configured = draft.settings.get(("identity", key))
    if configured in {None, "", "auto"}:
        return words
    bare = key != "name" and configured != "none" and "/" not in str(configured)
    return f"{configured} with the prefix length of its link" if bare else str(configured)


def _shown(name: str, value: str | None) -> str:
    if value is None:
        return ""
    return shown_value(name, value) or '""'


def _mounts(described: Described, spec: ContainerSpec, draft: Draft) -> Iterator[Difference]:
    was = {given.mount.destination: given for given in described.mounts}
    becomes = {mount.destination: mount for mount in spec.mounts}
    for destination in sorted(was.keys() | becomes.keys()):
        given, mount = was.get(destination), becomes.get(destination)
        before = given.mount.bind if given else ""
        after = mount.bind if mount else ""
        if before != after:
            yield _difference(draft, destination, before, after, given.place if given else "")


def _options(described: Described, spec: ContainerSpec, draft: Draft) -> Iterator[Difference]:
    for entry in fields(RunOptions):
        was, becomes = (_sorted(getattr(each.options, entry.name)) for each in (described, spec))
        if was != becomes:
            yield _difference(draft, entry.name, _words(entry.name, was), _words(entry.name, becomes), "")


def _sorted(value: object) -> object:
    return tuple(sorted(value, key=str)) if isinstance(value, tuple) else value


def _words(name: str, value: object) -> str:
    if not isinstance(value, tuple):
        return str(value or "")
    if name == "ulimits":
        return ", ".join(f"{limit.name}={limit}" for limit in value)
    shown = shown_log_option if name == "log_options" else shown_value
    return ", ".join(f"{key}={shown(key, text)}" for key, text in value)
