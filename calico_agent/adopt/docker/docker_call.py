"""Which call of Docker's client a command line is, whatever is written around it."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import PurePosixPath

from calico_agent.adopt.command_word import LabelledText, Word
from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.docker.docker_options import DOCKER
from calico_agent.adopt.docker.flags import read_options
from calico_agent.adopt.unit.shell_words import shell_commands

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)
_SHELLS = frozenset({"ash", "bash", "dash", "sh"})
# What runs the rest of its words as a command.
_PREFIXES = frozenset({"env", "exec", "command", "nohup", "sudo"})
_ENGINES = "calico-agent knows Docker Engines by unix:///path and tcp://host:port only"
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
# Their options that take a value.
_VALUED = {"sudo": "CDRTUghprtu", "env": "Cu", "exec": "a"}
_START = "starts a container that was made before; import it with --container {name}, which reads how it was made"
# What makes of Docker's client another one than that of `docker --host` (docs.docker.com/reference/cli/docker,
# "Environment variables").
_NOT_FOLLOWED = ("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY")
# Deep enough for `env sh -c "exec docker run"`, and an end for what wraps itself.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class DockerCall:
    """`docker [--host URL] NAME WORDS`; `docker container run` is `run`. `assigned` are variables that only it has."""

    name: str
    words: tuple[Word, ...]
    place: str
    url: str = ""
    assigned: Mapping[str, Word] = field(default_factory=dict)


def docker_call(
    words: tuple[Word, ...], environment: Mapping[str, Word] | None = None, depth: int = 0
) -> DockerCall | None:
    """None for a command that is none. Raises Refused for one that starts calico/node in a way that is not followed."""
    words, assigned = _unwrapped(words)
    if not words:
        return None
    program = PurePosixPath(words[0].text).name
    if program in _REFUSED:
        raise NotTakenOver(words[0].place, _REFUSED[program])
    if program == "calicoctl":
        if any(word.text == "node" for word in words[1:3]):
            raise NotTakenOver(words[0].place, _CALICOCTL)
        return None
    if program in _SHELLS and depth < _DEEPEST:
        return _in_shell(words, environment if environment is None else {**environment, **assigned}, depth)
    if program != "docker":
        return None
    return _call(words, environment or {}, assigned)


def not_followed(call: DockerCall) -> NotTakenOver:
    """What to say of a call that makes no container, where one that does is wanted."""
    name = next((word.text for word in call.words if not word.text.startswith("-")), "NAME")
    return NotTakenOver(call.place, _START.format(name=name) if call.name == "start" else "is no `docker run`")


def _unwrapped(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], dict[str, Word]]:
    """The command behind `VAR=value`, `env`, `exec`, `sudo` and their options; and those variables."""
    left, assigned = deque(words), dict[str, Word]()
    while left:
        wrapper = PurePosixPath(left[0].text).name
        if _ASSIGNMENT.fullmatch(left[0].text):
            name, _, value = left[0].text.partition("=")
            assigned[name] = replace(left[0], text=value)
            left.popleft()
        elif wrapper in _PREFIXES:
            left.popleft()
            while left and left[0].text.startswith("-"):
                option = left.popleft().text
                if left and len(option) == len("-u") and option[1] in _VALUED.get(wrapper, ""):
                    left.popleft()
        else:
            break
    return tuple(left), assigned


def _in_shell(words: tuple[Word, ...], environment: Mapping[str, Word] | None, depth: int) -> DockerCall | None:
    script = next((word for flag, word in pairwise(words) if re.fullmatch("-[a-z]*c", flag.text)), None)
    if script is None or "docker" not in script.text:
        return None
    if script.unknown:
        raise NotTakenOver(script.place, script.unknown)
    label, _, line = script.place.rpartition(":")
    commands = shell_commands(LabelledText(label, script.text, ((0, int(line)),)), environment)
    calls = [call for command in commands if (call := docker_call(command, environment, depth + 1))]
    if len(commands) > 1 and any(call.name in {"run", "create"} for call in calls):
        raise NotTakenOver(script.place, "is a script of several commands; calico-agent takes one plain `docker run`")
    return calls[0] if calls else None


def _call(words: tuple[Word, ...], environment: Mapping[str, Word], assigned: Mapping[str, Word]) -> DockerCall | None:
    environment = {**environment, **assigned}
    options, rest = read_options(DOCKER, words[1:])
    hosts = [environment["DOCKER_HOST"]] if "DOCKER_HOST" in environment else []
    hosts += [option.value for option in options if option.name == "host"]
    if rest and rest[0].text == "container":
        rest = rest[1:]
    if not rest:
        return None
    if strange := next((option for option in options if option.name in {"context", "tls", "tlsverify"}), None):
        raise NotTakenOver(strange.value.place, f"docker --{strange.name}: {_ENGINES}")
    if name := next((one for one in _NOT_FOLLOWED if one in environment and environment[one].text), None):
        raise NotTakenOver(words[0].place, f"{name} is set for it: {_ENGINES}")
    host = hosts[-1] if hosts else Word("", "")
    if host.unknown:
        raise NotTakenOver(host.place, f"the Docker Engine: {host.unknown}")
    url = f"tcp://{host.text}" if host.text and "://" not in host.text else host.text
    return DockerCall(rest[0].text, rest[1:], words[0].place, url, assigned)
