"""The words of a `docker run` -> what they say of the container."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import Described, Difference, Given, GivenMount, NotTakenOver
from calico_agent.adopt.docker.docker_call import DockerCall
from calico_agent.adopt.docker.docker_mounts import read_mount, read_volume
from calico_agent.adopt.docker.docker_options import HARMLESS, RUN
from calico_agent.adopt.docker.flags import Option, read_options
from calico_agent.adopt.unit.environment_file import parse_docker_env_file
from calico_agent.config.options import parse_size, parse_ulimit
from calico_agent.model.container.container import LABEL_MANAGED_BY, LABEL_SPEC_HASH
from calico_agent.model.container.run_options import RunOptions, Ulimit, nano_cpus_of
from calico_agent.secret import masked
from calico_agent.sources.docker.decode.calico_node import names_calico_node
from calico_agent.sources.kubernetes.decode.flags import TRUE

_T = TypeVar("_T")

ReadFile = Callable[[Word], str]
"""The text of the file that a word names. Raises Refused where there is none."""

_SILENT = frozenset({"detach", "interactive", "attach", "sig-proxy", "quiet"})


def describe_run(call: DockerCall, environment: Mapping[str, Word] | None, read: ReadFile, *, origin: str) -> Described:
    """Raises Refused for another image than calico/node. `environment` is that of the command, None where it is not
    known."""
    described = _described(call, environment, read, origin)
    if not described.image.unknown and not names_calico_node(described.name.value, described.image.value):
        raise NotTakenOver(call.place, f"runs the image {described.image.value[:80]!a}, which is not calico/node")
    return described


def _described(call: DockerCall, environment: Mapping[str, Word] | None, read: ReadFile, origin: str) -> Described:
    options, rest = read_options(RUN, call.words)
    if not rest:
        raise NotTakenOver(call.words[-1].place if call.words else "", "`docker run` names no image")
    found = _Collected(environment, read)
    for option in _files_first(options):
        found.take(option)
    image, command = rest[0], rest[1:]
    entrypoint = found.texts.get("entrypoint")
    spoken = [*([entrypoint] if entrypoint else []), *command]
    return Described(
        origin=origin,
        image=image.value(),
        name=found.given("name", ""),
        env=found.env,
        mounts=tuple(found.mounts.values()),
        network=found.given("network", "default"),
        privileged=Given("true" if found.privileged else "false", found.place_of("privileged")),
        restart=found.given("restart", "no"),
        command=_joined(spoken),
        options=found.run_options(),
        url=call.url,
        remarks=tuple(found.remarks),
    )


def _joined(words: list[Word]) -> Given:
    unknown = next((word.unknown for word in words if word.unknown), "")
    return Given(" ".join(word.text for word in words), words[0].place, unknown) if words else Given()


def _files_first(options: tuple[Option, ...]) -> Iterator[Option]:
    """Docker takes the variables of files first, wherever they stand."""
    yield from (option for option in options if option.name == "env-file")
    yield from (option for option in options if option.name != "env-file")


@dataclass(slots=True)
class _Collected:
    """What the options said so far. `texts` are those of which the last one counts."""

    environment: Mapping[str, Word] | None
    read: ReadFile
    env: dict[str, Given] = field(default_factory=dict)
    mounts: dict[str, GivenMount] = field(default_factory=dict)
    remarks: list[Difference] = field(default_factory=list)
    texts: dict[str, Word] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    log_options: dict[str, str] = field(default_factory=dict)
    ulimits: dict[str, Ulimit] = field(default_factory=dict)
    privileged: bool = False

    def take(self, option: Option) -> None:
        """One option."""
        match option.name:
            case "env" | "env-file" | "hostname":
                self._variable(option)
            case "volume" | "mount":
                self._mount(read_volume(option.value) if option.name == "volume" else read_mount(option.value))
            case "label" | "label-file" | "log-opt" | "ulimit":
                self._pair(option)
            case "net" | "network":
                self.texts["network"] = option.value
            case "privileged":
                self.texts["privileged"] = option.value
                self.privileged = option.value.text in TRUE
            case name if name in _LAST_COUNTS:
                self.texts[name] = option.value
            case _:
                self._remark(option)

    def given(self, name: str, missing: str) -> Given:
        return self.texts[name].value() if name in self.texts else Given(missing)

    def place_of(self, name: str) -> str:
        return self.texts[name].place if name in self.texts else ""

    def _variable(self, option: Option) -> None:
        if option.name == "env-file":
            found = parse_docker_env_file(option.value.text, self.read(option.value), self.environment or {})
            self.env |= {name: word.value() for name, word in found}
            return
        if option.name == "hostname":
            # Docker tells the container so; in the host's network nothing else comes of it.
            self.env.setdefault("HOSTNAME", option.value.value())
            return
        name, equals, value = option.value.text.partition("=")
        if equals:
            self.env[name] = option.value.value(value)
        elif option.value.unknown:
            raise NotTakenOver(option.value.place, f"{option.value.unknown}, and it names a variable")
        elif self.environment is None:
            self.env[name] = Given(place=option.value.place, unknown="it is taken from whoever runs the command")
        elif name in self.environment:
            self.env[name] = self.environment[name].value()
        else:
            self.env.pop(name, None)

    def _mount(self, found: GivenMount | Difference) -> None:
        if isinstance(found, Difference):
            self.remarks.append(found)
        elif found.mount.destination in self.mounts:
            raise NotTakenOver(found.place, f"Docker refuses a second mount at {found.mount.destination[:80]}")
        else:
            self.mounts[found.mount.destination] = found

    def _pair(self, option: Option) -> None:
        word = option.value
        if word.unknown:
            self.remarks.append(Difference(f"--{option.name}", "(not known)", "", word.unknown, word.place, lost=True))
        elif option.name == "ulimit":
            limit = _checked(option, parse_ulimit)
            self.ulimits[limit.name] = limit
        elif option.name == "label-file":
            pairs = parse_docker_env_file(word.text, self.read(word), {})
            self.labels |= {name: value.text for name, value in pairs}
        else:
            name, _, value = word.text.partition("=")
            (self.labels if option.name == "label" else self.log_options)[name] = value

    def _remark(self, option: Option) -> None:
        word, off = option.value, option.name in RUN.switches and option.value.text not in TRUE
        if off or option.name in _SILENT or (option.name, word.text) == ("userns", "host"):
            return
        why = HARMLESS.get(option.name, "calico-agent has no such setting")
        was = "(not known)" if word.unknown else masked(word.text)[:80]
        lost = option.name not in HARMLESS
        self.remarks.append(Difference(f"--{option.name}", was, "", why, word.place, lost=lost))

    def run_options(self) -> RunOptions:
        """Limits, labels and logging."""
        ours = {LABEL_MANAGED_BY, LABEL_SPEC_HASH}
        return RunOptions(
            memory=self._number("memory", lambda text: 0 if text in {"0", "-1"} else parse_size(text)),
            cpu_shares=self._number("cpu-shares", int),
            nano_cpus=self._number("cpus", _nano) or self._quota(),
            ulimits=tuple(sorted(self.ulimits.values(), key=lambda limit: limit.name)),
            labels=tuple(sorted((name, value) for name, value in self.labels.items() if name not in ours)),
            log_driver=self.given("log-driver", "").value,
            log_options=tuple(sorted(self.log_options.items())),
        )

    def _number(self, name: str, parse: Callable[[str], int]) -> int:
        if name not in self.texts:
            return 0
        return _checked(Option(name, self.texts[name]), parse)

    def _quota(self) -> int:
        return nano_cpus_of(self._number("cpu-quota", int), self._number("cpu-period", int))


_LAST_COUNTS = frozenset(
    {"name", "restart", "entrypoint", "memory", "cpu-shares", "cpus", "cpu-quota", "cpu-period", "log-driver"}
)


def _nano(text: str) -> int:
    return round(float(text) * 10**9)


def _checked(option: Option, parse: Callable[[str], _T]) -> _T:
    word = option.value
    if word.unknown:
        raise NotTakenOver(word.place, f"--{option.name}: {word.unknown}")
    try:
        return parse(word.text)
    except (ValueError, OverflowError) as error:
        said = str(error) if str(error).startswith(("is ", "has ")) else "is no number"
        raise NotTakenOver(word.place, f"--{option.name} {word.text[:40]!a} {said}") from None
