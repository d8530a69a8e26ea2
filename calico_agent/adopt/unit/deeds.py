"""What a unit does beside running the container, and what becomes of that."""

import shlex
from pathlib import PurePosixPath

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import Described, Difference, NotTakenOver
from calico_agent.adopt.docker.docker_call import docker_call
from calico_agent.secret import masked

_LONGEST = 120
_REMOVES = frozenset({"rm", "kill", "stop", "wait", "logs", "inspect", "ps"})
_ELSEWHERE = "calico-agent does not do it: write it into a drop-in of calico-agent.service (systemctl edit)"
_BEFORE = {
    "modprobe": "calico-agent loads no modules: name them in /etc/modules-load.d/calico.conf",
    "insmod": "calico-agent loads no modules: name them in /etc/modules-load.d/calico.conf",
    "sysctl": "calico-agent sets no kernel parameters: write them to /etc/sysctl.d/calico.conf",
}
_IDLE = {
    "sleep": "calico-agent waits for what it needs, and says what it waits for",
    "true": "it does nothing",
    "systemctl": "calico-agent waits for Docker itself, and says so",
    "echo": "it only says something",
}
_LOCK = "/run/xtables.lock"


def other_deed(key: str, words: tuple[Word, ...], written: tuple[Word, ...], described: Described) -> Difference:
    """What becomes of one command beside the one that runs the container. It is shown as it is `written`."""
    was = _shown(written)
    try:
        call = docker_call(words, {})
    except NotTakenOver:
        call = None
    if call is not None:
        why, lost = _of_docker(key, call.name, call.words, described)
    else:
        why, lost = _of_host(words, described)
    return Difference(key, was, "", why, words[0].place, lost=lost)


def _of_docker(key: str, name: str, words: tuple[Word, ...], described: Described) -> tuple[str, bool]:
    ours = any(word.text in {described.name.value, "calico-node"} for word in words)
    if name == "pull":
        return "calico-agent fetches the image when it is not there ([node] pull)", False
    if name == "start" and ours:
        return "calico-agent makes its container and starts it", False
    if key == "ExecReload" and ours:
        return "a reload of calico-agent reads its configuration and makes of the container what that says", False
    if key in {"ExecStop", "ExecStopPost"} and ours:
        return "calico/node goes on running when calico-agent stops: `docker stop` ends it", False
    if name in _REMOVES and ours:
        return (
            "calico-agent removes nothing that it did not make: one that is in the way is told of, see take_over",
            False,
        )
    return _ELSEWHERE, True


def _of_host(words: tuple[Word, ...], described: Described) -> tuple[str, bool]:
    program = PurePosixPath(words[0].text).name
    if program in _BEFORE:
        return _BEFORE[program], True
    if program in _IDLE:
        return _IDLE[program], False
    paths = [word.text for word in words[1:] if word.text.startswith("/")]
    sources = {given.mount.source for given in described.mounts}
    if program == "mkdir" and paths and all(path.rstrip("/") in sources for path in paths):
        return "Docker makes the directory of a mount that is not there", False
    if program == "touch" and paths == [_LOCK] and _LOCK in sources:
        return "calico-agent makes it", False
    return _ELSEWHERE, True


def _shown(words: tuple[Word, ...]) -> str:
    text = masked(" ".join(shlex.quote(word.text) for word in words))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
