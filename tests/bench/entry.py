"""What a measurement says, and where all of them are kept."""

import json
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One measured value against its budget. `reason` says why a budget is missed; it is told only then."""

    name: str
    value: float
    unit: str
    budget: float
    how: str
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the budget holds."""
        return self.value <= self.budget

    @property
    def told(self) -> str:
        """How it was measured, and what stands in the way."""
        return self.how if self.ok or not self.reason else f"{self.how}. Missed: {self.reason}"


def table(entries: Iterable[Entry]) -> str:
    """All entries for people, within 100 columns."""
    lines = []
    for entry in entries:
        verdict = "ok" if entry.ok else "MISSED"
        lines.append(f"{entry.name:<34}{entry.value:>10.4g}  of {entry.budget:<8.4g} {entry.unit:<24}{verdict}")
        lines += textwrap.wrap(entry.told, 96, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def write(entries: Iterable[Entry], path: Path) -> None:
    """All entries for programs: name -> value, unit, budget, ok, how."""
    document = {
        entry.name: {
            "value": round(entry.value, 5),
            "unit": entry.unit,
            "budget": entry.budget,
            "ok": entry.ok,
            "how": entry.told,
        }
        for entry in entries
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
