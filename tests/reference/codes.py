"""The page of all fault codes: what `calico-agent explain` knows, and which fault explains which."""

import re
from collections.abc import Iterable

from calico_agent.faults.catalogue import CATALOGUE
from calico_agent.faults.catalogue.conditions import CONDITIONS
from calico_agent.faults.catalogue.entry import Entry
from calico_agent.faults.causes import RULES
from tests.reference import markdown

_CODE = re.compile(r"[A-Z]+(?:-[A-Z]+)+")


def page() -> str:
    """The page."""
    overview = [(_link(code), entry.severity.name.lower(), markdown.escape(entry.title)) for code, entry in _entries()]
    return markdown.page(
        "Conditions and codes",
        "the declarations of faults",
        "A condition sums up one side of a host. A code names one fault. Both are an interface: no code is given "
        "another meaning. `calico-agent explain CODE` prints the same text on the host itself.",
        "The severity and the condition are the usual ones: where a fault concerns another host, it may weigh less.",
        "## Conditions",
        *(
            f"### {name}\n\n*{markdown.escape(one.title)}*\n\n{_prose(one.explanation)}"
            for name, one in CONDITIONS.items()
        ),
        "## All codes",
        markdown.table(("code", "severity", "what is wrong"), overview),
        *(_section(entry) for _, entry in _entries()),
    )


def _entries() -> Iterable[tuple[str, Entry]]:
    return sorted(CATALOGUE.items())


def _section(entry: Entry) -> str:
    condition = f"[{entry.condition.value}](#{entry.condition.value.lower()})"
    explained = {
        code: rule.link.value for rule in reversed(RULES) for code in rule.causes if entry.code in rule.effects
    }
    explains = {code for rule in RULES for code in rule.effects if entry.code in rule.causes}
    lines = [
        f"## {entry.code}",
        f"*{markdown.escape(entry.title)}*",
        f"{entry.severity.name.lower()}, condition {condition}",
        _prose(entry.explanation),
    ]
    if explained:
        lines.append("Explained by: " + ", ".join(f"{_link(code)} ({explained[code]})" for code in sorted(explained)))
    if explains:
        lines.append("Explains: " + ", ".join(map(_link, sorted(explains))))
    return "\n\n".join(lines)


def _link(code: str) -> str:
    return f"[{code}](#{code.lower()})"


def _prose(text: str) -> str:
    """An explanation, in which each code that exists leads to its place."""
    parts = re.split(r"(`[^`]+`)", markdown.escape(text.strip()))
    for place in range(0, len(parts), 2):
        parts[place] = _CODE.sub(lambda found: _link(found[0]) if found[0] in CATALOGUE else found[0], parts[place])
    return "".join(parts)
