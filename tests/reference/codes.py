"""The page of all fault codes: what `calico-agent explain` knows, and which fault explains which."""

import re
from collections.abc import Iterable

from calico_agent.faults.conditions import CONDITIONS
from calico_agent.faults.registry import FAULTS
from calico_agent.model.finding import Causes, Fault
from tests.reference import markdown

_CODE = re.compile(r"[A-Z]+(?:-[A-Z]+)+")


def page() -> str:
    """The page."""
    overview = [(_link(code), fault.severity.name.lower(), markdown.escape(fault.title)) for code, fault in _faults()]
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
        *(_section(fault) for _, fault in _faults()),
    )


def _faults() -> Iterable[tuple[str, Fault]]:
    return sorted(FAULTS.items())


def _section(fault: Fault) -> str:
    condition = f"[{fault.condition.value}](#{fault.condition.value.lower()})"
    explains = {one.code for one in FAULTS.values() for causes in one.causes if fault in causes.faults}
    lines = [
        f"## {fault.code}",
        f'<a id="{fault.code}"></a>',  # as an alert has it
        f"*{markdown.escape(fault.title)}*",
        f"{fault.severity.name.lower()}, condition {condition}",
        _prose(fault.explanation),
    ]
    if fault.causes:
        told = "".join(f"- {_explained(causes)}\n" for causes in fault.causes)
        lines.append(f"Explained by the first of these that is found:\n\n{told}".rstrip())
    if explains:
        lines.append("Explains: " + ", ".join(map(_link, sorted(explains))))
    return "\n\n".join(lines)


def _explained(causes: Causes) -> str:
    """What has to be the same, and which faults explain it then."""
    writer = f", for routes that {causes.writer.value} writes" if causes.writer else ""
    return f"{causes.scope.value}{writer}: {', '.join(_link(one.code) for one in causes.faults)}"


def _link(code: str) -> str:
    return f"[{code}](#{code.lower()})"


def _prose(text: str) -> str:
    """An explanation, in which each code that exists leads to its place."""
    parts = re.split(r"(`[^`]+`)", markdown.escape(text.strip()))
    for place in range(0, len(parts), 2):
        parts[place] = _CODE.sub(lambda found: _link(found[0]) if found[0] in FAULTS else found[0], parts[place])
    return "".join(parts)
