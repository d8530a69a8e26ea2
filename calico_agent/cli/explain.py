"""`calico-agent explain`: what a condition and the code of a problem mean, offline."""

from calico_agent.errors import UsageError
from calico_agent.faults.conditions import CONDITIONS
from calico_agent.faults.registry import FAULTS
from calico_agent.text import nearest


def explain(wanted: str | None) -> str:
    """The text about one, in whatever case it is written; None lists all. Raises UsageError."""
    entries = {name: (entry.title, entry.explanation) for name, entry in CONDITIONS.items()}
    entries |= {code: (fault.title, fault.explanation) for code, fault in sorted(FAULTS.items())}
    if wanted is None:
        width = max(map(len, entries))
        return "".join(f"{name:<{width}}  {title}\n" for name, (title, _) in entries.items())
    name = next((name for name in entries if name.upper() == wanted.upper()), None)
    if name is None:
        close = nearest(wanted, entries) or nearest(wanted.upper(), entries)
        raise UsageError(f"there is no code {wanted[:60]!a}", hint=close or "`calico-agent explain` lists them")
    title, explanation = entries[name]
    return f"{name}: {title}\n\n{explanation.strip()}\n"
