"""What `--volume` and `--mount` say of one mount (opts/mount.go, cli/compose/loader/volume.go of docker/cli@v27.5)."""

import csv
from pathlib import PurePosixPath

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import Difference, GivenMount, NotTakenOver
from calico_agent.model.container.container import Mount
from calico_agent.sources.kubernetes.decode.flags import TRUE

_PROPAGATIONS = frozenset({"shared", "rshared", "slave", "rslave", "private", "rprivate"})
# What says nothing on Linux, or nothing for a container that SELinux leaves alone because it is privileged.
_IDLE = frozenset({"rw", "z", "Z", "consistent", "cached", "delegated", "default"})


def read_volume(word: Word) -> GivenMount | Difference:
    """A bind mount, or what is lost because there is no such thing here."""
    if word.unknown:
        return Difference("--volume", "(not known)", "", word.unknown, word.place, lost=True)
    source, colon, rest = word.text.partition(":")
    destination, _, options = rest.partition(":")
    if not colon:
        return _anonymous(word, source)
    words = set(filter(None, options.split(",")))
    if strange := words - {"ro"} - _IDLE - _PROPAGATIONS:
        why = f"calico-agent has no option {min(strange)[:20]!a} for a mount"
        return Difference("--volume", word.text, "", why, word.place, lost=True)
    return _bind(word, source, destination, words)


def read_mount(word: Word) -> GivenMount | Difference:
    """The same of the long form, a row of comma-separated values."""
    if word.unknown:
        return Difference("--mount", "(not known)", "", word.unknown, word.place, lost=True)
    try:
        (fields,) = csv.reader([word.text], strict=True)
    except (csv.Error, ValueError):
        raise NotTakenOver(word.place, f"--mount {word.text[:60]!a} is no list of key=value") from None
    values = {key.strip().lower(): value for key, _, value in (one.partition("=") for one in fields)}
    source = values.pop("source", values.pop("src", ""))
    destination = values.pop("target", values.pop("destination", values.pop("dst", "")))
    kind = values.pop("type", "volume")
    words = {"ro"} if {values.pop(key, "false") for key in ("readonly", "ro")} & {"", *TRUE} else set()
    words |= {values.pop("bind-propagation", "rprivate")}
    values.pop("consistency", "")
    if kind != "bind" or values:
        what = f"a mount of type {kind[:20]}" if kind != "bind" else f"the option {min(values)[:20]!a} of a mount"
        return Difference("--mount", word.text, "", f"calico-agent has no {what}", word.place, lost=True)
    return _bind(word, source, destination, words)


def _bind(word: Word, source: str, destination: str, words: set[str]) -> GivenMount | Difference:
    if not source.startswith("/"):
        why = "calico-agent has no volumes of Docker: mount a directory of the host"
        return Difference(destination or "--volume", word.text, "", why, word.place, lost=True)
    propagation = next(iter(words & _PROPAGATIONS - {"rprivate"}), "")
    return GivenMount(Mount(_clean(source), _clean(destination), "ro" in words, propagation=propagation), word.place)


def _anonymous(word: Word, destination: str) -> Difference:
    return Difference(destination, word.text, "", "a volume without a name is gone with its container", word.place)


def _clean(path: str) -> str:
    """As Docker tidies paths up; `..` is left to those who refuse it."""
    return str(PurePosixPath("/", path.lstrip("/")))
