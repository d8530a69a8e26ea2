"""The arguments of a docker command -> whether it lasts as long as a certain container runs.

`docker run` without `--detach` does, and so do `docker start --attach`, `docker attach` and `docker wait`; the other
commands end by themselves in a moment (docs.docker.com/reference/cli/docker).
"""

from collections.abc import Sequence

_RUN = "run"
_NAMED = "--name"
_DETACHED = frozenset({"-d", "-dit", "-itd", "-td", "-di", "--detach", "--detach=true"})
_BY_NAME = frozenset({"start", "attach", "wait"})
_SHORTEST_ID = 12


def waits_for(arguments: Sequence[str], name: str, identity: str) -> bool:
    """Whether it is the client of the container with this name and id."""
    words = arguments[1:]
    command = next((word for word in words if word in {_RUN, *_BY_NAME}), "")
    if command == _RUN:
        return _DETACHED.isdisjoint(words) and any(
            word == f"{_NAMED}={name}" or (word == _NAMED and words[place + 1 : place + 2] == [name])
            for place, word in enumerate(list(words))
        )
    after = words[words.index(command) + 1 :] if command else ()
    return any(word == name or (len(word) >= _SHORTEST_ID and identity.startswith(word)) for word in after)
