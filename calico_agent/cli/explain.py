"""`calico-agent explain`: what a condition and the code of a problem mean, offline."""

from calico_agent.errors import UsageError
from calico_agent.faults.catalogue import CATALOGUE
from calico_agent.faults.catalogue.conditions import CONDITIONS
from calico_agent.report.words import nearest


def explain(wanted: str | None) -> str:
    """The text about one, in whatever case it is written; None lists all. Raises UsageError."""
    entries = {name: (entry.title, entry.explanation) for name, entry in CONDITIONS.items()}
    entries |= {code: (entry.title, entry.explanation) for code, entry in sorted(CATALOGUE.items())}
    if wanted is None:
        width = max(map(len, entries))
        return "".join(f"{name:<{width}}  {title}\n" for name, (title, _) in entries.items())
    name = next((name for name in entries if name.upper() == wanted.upper()), None)
    if name is None:
        close = nearest(wanted, entries) or nearest(wanted.upper(), entries)
        raise UsageError(f"there is no code {wanted[:60]!a}", hint=close or "`calico-agent explain` lists them")
    title, explanation = entries[name]
    return f"{name}: {title}\n\n{explanation.strip()}\n"
