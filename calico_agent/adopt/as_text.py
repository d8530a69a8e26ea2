"""What is not the same afterwards, and what has to be done before, for the person who takes a container over."""

import textwrap
from collections.abc import Iterable, Iterator

from calico_agent.adopt.as_toml import hidden_values
from calico_agent.adopt.described import Described, Difference, Translation
from calico_agent.secret import masked
from calico_agent.text import counted

_INDENT = "    "


def render_differences(
    translation: Translation, described: Described, width: int, *, with_secrets: bool = False
) -> str:
    """Everything that somebody has to decide or to do comes first."""
    lost = [one for one in translation.differences if one.lost]
    kept = [one for one in translation.differences if not one.lost]
    lines: list[str] = []
    if lost:
        lines.append(
            f"{counted(len(lost), 'thing')} of {described.origin} that calico-agent cannot give: decide about each"
        )
        lines += _listed(lost, width)
    if translation.fill_in:
        lines.append("to be filled in by hand:")
        lines += [f"  [{section}] {name}: {words}" for (section, name), words in translation.fill_in]
    hidden = () if with_secrets else hidden_values(translation)
    if hidden:
        lines.append(
            "not shown, as it may be secret (--output FILE writes it): " + ", ".join(name for _, name in hidden)
        )
    if translation.commands:
        lines.append("to be run on this host before calico-agent starts:")
        lines += [f"  {command}" for command in translation.commands]
    if kept:
        lines.append(f"{counted(len(kept), 'difference')} between the two containers that are meant to be:")
        lines += _listed(kept, width)
    if not (lost or kept):
        lines.append(f"calico-agent makes the very container of {described.origin}")
    return "".join(f"{masked(line)}\n" for line in lines)


def _listed(differences: Iterable[Difference], width: int) -> Iterator[str]:
    """Those of one reason together."""
    by_reason: dict[str, list[Difference]] = {}
    for one in differences:
        by_reason.setdefault(one.why, []).append(one)
    for why, alike in by_reason.items():
        for one in alike:
            yield f"  {one.subject}: {_change(one)}{f' ({one.place})' if one.place else ''}"
        yield from textwrap.wrap(why, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _change(one: Difference) -> str:
    if not one.becomes:
        return f"{one.was or 'was there'}, no more"
    return f"{one.was} becomes {one.becomes}" if one.was else f"now {one.becomes}"
