"""What some text, or Docker, says of a calico/node container, and how the container of calico-agent differs from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions


class NotTakenOver(Exception):  # noqa: N818 - it names what is done with the text
    """A description that calico-agent cannot take over. `place` is a file with its line, `reason` one sentence."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and where it was said (`calico-node.service:12`).

    `unknown` is why it cannot be told from what was read (then `value` is empty). `file` is the file of the host whose
    first line is the value.
    """

    value: str = ""
    place: str = ""
    unknown: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class GivenMount:
    """A bind mount, and where it was said."""

    mount: Mount
    place: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same afterwards. Empty `was`: there was none; empty `becomes`: there will be none.

    `lost`: the container, or its host, had it for a reason and calico-agent cannot give it; somebody has to decide.
    """

    subject: str
    was: str
    becomes: str
    why: str
    place: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """A calico/node container as somebody else makes it.

    `env` and `mounts` are what it is given, without what the image sets itself. `from_pod`: kubelet makes it, and gives
    it files that go with the pod. `command` is what it runs instead of the image's own. `url` is the Docker Engine, ""
    for the usual one. `remarks` are differences that only the reader of the text knows of: what it does before and
    after, and options that have no place here.
    """

    origin: str
    image: Given
    name: Given = Given("calico-node")
    env: Mapping[str, Given] = field(default_factory=dict)
    mounts: tuple[GivenMount, ...] = ()
    network: Given = Given("host")
    privileged: Given = Given("true")
    restart: Given = Given("no")
    command: Given = Given()
    options: RunOptions = field(default_factory=RunOptions)
    url: str = ""
    from_pod: bool = False
    remarks: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """The configuration that gives the same container.

    `settings` are the keys of calico-agent.toml that differ from their defaults. `differences` are all there are, each
    with its reason. `fill_in` are keys that have to be completed by hand, with what is to be written there. `commands`
    have to be run on the host before the agent starts (certificates, the password file); no secret is in them.
    """

    settings: Mapping[tuple[str, str], object]
    differences: tuple[Difference, ...] = ()
    fill_in: tuple[tuple[tuple[str, str], str], ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def lossless(self) -> bool:
        return not self.fill_in and not any(difference.lost for difference in self.differences)
