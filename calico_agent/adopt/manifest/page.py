"""What `manifest split` tells: what changed in the manifest, what is not the same afterwards, and the rollout."""

import textwrap
from collections.abc import Iterable, Iterator

from calico_agent.adopt.described import Difference
from calico_agent.adopt.manifest.host_by_host import Places, Step, rollout
from calico_agent.adopt.manifest.split import Split
from calico_agent.adopt.manifest.strategy import ON_DELETE
from calico_agent.secret import masked

_WIDTH = 110


def render_split(split: Split, places: Places, notes: Iterable[str]) -> str:
    """The whole text."""
    parts = [
        _section("The manifest", _manifest(split)),
        _section("calico/node as calico-agent runs it: what is not the same", _differences(split)),
        _section("To be filled in by hand", _fill_in(split)),
        _section("To know", (row for note in (*split.description.warnings, *notes) for row in _point(masked(note)))),
        _section("The rollout", _steps(rollout(split, places))),
    ]
    return "\n".join(part for part in parts if part)


def _section(title: str, rows: Iterable[str]) -> str:
    text = "".join(f"{row}\n" for row in rows)
    return f"{title}\n\n{text}" if text else ""


def _manifest(split: Split) -> Iterator[str]:
    workload = split.workload
    place = workload.text.place(workload.container.start)
    yield from _point(f"{place}: the container calico-node of the {workload.daemon_set.title} is taken out")
    if split.left is not None:
        yield from _point(f"the container {split.left.name} takes its place: {split.left.why}")
    if split.strategy != ON_DELETE:
        yield from _point(
            f"updateStrategy becomes OnDelete: with {split.strategy} Kubernetes would take calico-node from all hosts, "
            "one after the other, as soon as the manifest is applied"
        )
    yield from _point(
        "everything else stays as it is, to the byte; volumes that nobody mounts any more too: kubelet passes over them"
    )


def _differences(split: Split) -> Iterator[str]:
    if not split.translation.differences:
        yield from _point("nothing")
    for difference in split.translation.differences:
        yield from _point(_difference(difference, split.workload.text.name))


def _difference(difference: Difference, file: str) -> str:
    """Values are shown already as far as they may be; see `adopt.compare`."""
    place = f" (line {difference.place.removeprefix(f'{file}:')})" if difference.place else ""
    change = f"{difference.was or 'nothing'} -> {difference.becomes or 'nothing'}"
    return f"{'DECIDE ' if difference.lost else ''}{difference.subject}: {change}{place}: {difference.why}"


def _fill_in(split: Split) -> Iterator[str]:
    """Not wrapped: there are commands in it."""
    for (section, name), words in split.translation.fill_in:
        yield f"  [{section}] {name}: {words}"


def _steps(steps: Iterable[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield from textwrap.wrap(f"{number}. {step.title}", _WIDTH, subsequent_indent="   ")
        if step.why:
            yield from textwrap.wrap(step.why, _WIDTH, initial_indent="   ", subsequent_indent="   ")
        for word, rows in (("", step.commands), ("check", step.checks), ("undo", step.undo)):
            yield from (f"   {word:6}{row}" for row in rows)
        yield ""


def _point(text: str) -> Iterator[str]:
    # A path, a command or a value is never cut in two.
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
