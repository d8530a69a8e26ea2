"""Which call of Docker's client a command line is, whatever is written around it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from calico_agent.adopt.described import Refused
from calico_agent.adopt.docker_options import DOCKER
from calico_agent.adopt.flags import read_options
from calico_agent.adopt.shell_words import shell_commands
from calico_agent.adopt.words import Source, Word

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)
_SHELLS = frozenset({"ash", "bash", "dash", "sh"})
# What runs the rest of its words as a command.
_PREFIXES = frozenset({"env", "exec", "command", "nohup", "sudo"})
_RUNS = "calico-agent runs containers with Docker only"
_REFUSED = {
    "podman": f"runs the container with Podman; {_RUNS}",
    "nerdctl": f"runs the container with containerd (nerdctl); {_RUNS}",
    "ctr": f"runs the container with containerd (ctr); {_RUNS}",
    "crictl": f"runs the container through the Kubernetes runtime (crictl); {_RUNS}",
    "rkt": f"runs the container with rkt; {_RUNS}",
    "docker-compose": "starts the container by docker-compose; import it with --container NAME while it runs",
}
_CALICOCTL = (
    "starts calico/node by `calicoctl node run`, which builds the container itself; import it with "
    "--container calico-node, which reads what calicoctl made"
)
_START = "starts a container that was made before; import it with --container {name}, which reads how it was made"
# Deep enough for `env sh -c "exec docker run"`, and an end for what wraps itself.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class DockerCall:
    """`docker [--host URL] NAME WORDS`; `docker container run` is `run`."""

    name: str
    words: tuple[Word, ...]
    place: str
    url: str = ""


def docker_call(
    words: tuple[Word, ...], environment: Mapping[str, Word] | None = None, depth: int = 0
) -> DockerCall | None:
    """None for a command that is none. Raises Refused for one that starts calico/node in a way that is not followed."""
    words = tuple(_unwrapped(words))
    if not words:
        return None
    program = PurePosixPath(words[0].text).name
    if program in _REFUSED:
        raise Refused(words[0].place, _REFUSED[program])
    if program == "calicoctl":
        if any(word.text == "node" for word in words[1:3]):
            raise Refused(words[0].place, _CALICOCTL)
        return None
    if program in _SHELLS and depth < _DEEPEST:
        return _in_shell(words, environment, depth)
    if program != "docker":
        return None
    return _call(words)


def is_shell(words: tuple[Word, ...]) -> bool:
    """Whether the command is a script."""
    return bool(words) and PurePosixPath(words[0].text).name in _SHELLS


def _unwrapped(words: tuple[Word, ...]) -> Iterator[Word]:
    """The command behind `VAR=value`, `env`, `exec`, `sudo` and their options."""
    left = list(words)
    while left and (_ASSIGNMENT.fullmatch(left[0].text) or PurePosixPath(left[0].text).name in _PREFIXES):
        wrapper = left.pop(0)
        while left and "=" not in wrapper.text and left[0].text.startswith("-"):
            left.pop(0)
    return iter(left)


def _in_shell(words: tuple[Word, ...], environment: Mapping[str, Word] | None, depth: int) -> DockerCall | None:
    script = next((word for flag, word in pairwise(words) if re.fullmatch("-[a-z]*c", flag.text)), None)
    if script is None or "docker" not in script.text:
        return None
    if script.unknown:
        raise Refused(script.place, script.unknown)
    label, _, line = script.place.rpartition(":")
    commands = shell_commands(Source(label, script.text, ((0, int(line)),)), environment)
    calls = [call for command in commands if (call := docker_call(command, environment, depth + 1))]
    if len(commands) > 1 and any(call.name in {"run", "create"} for call in calls):
        raise Refused(script.place, "is a script of several commands; calico-agent takes one plain `docker run`")
    return calls[0] if calls else None


def _call(words: tuple[Word, ...]) -> DockerCall | None:
    options, rest = read_options(DOCKER, words[1:])
    hosts = [option.value for option in options if option.name == "host"]
    if rest and rest[0].text == "container":
        rest = rest[1:]
    if not rest:
        return None
    if strange := next((option for option in options if option.name in {"context", "tls", "tlsverify"}), None):
        reason = f"docker --{strange.name}: calico-agent knows Docker Engines by unix:///path and tcp://host:port only"
        raise Refused(strange.value.place, reason)
    if rest[0].text == "start":
        name = next((word.text for word in rest[1:] if not word.text.startswith("-")), "NAME")
        raise Refused(rest[0].place, _START.format(name=name))
    return DockerCall(rest[0].text, rest[1:], words[0].place, hosts[-1].text if hosts else "")
