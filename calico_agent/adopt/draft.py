"""The configuration while it is put together: keys that are good, and the reason of everything that is not the same."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from calico_agent.config.consistency import Key
from calico_agent.config.convert import converted
from calico_agent.config.keys import schema_keys


@dataclass(slots=True)
class Draft:
    """What has been translated so far.

    `reasons` say of a variable, a mount's destination or an option why it will not be the same; `lost` are those that
    somebody has to decide about. `handled` are variables and destinations that a key took over.
    """

    settings: dict[Key, object] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    handled: set[str] = field(default_factory=set)
    fill_in: list[tuple[Key, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def set(self, section: str, name: str, value: object) -> str:
        """Set a key; what is wrong with the value, in words that begin with it, and then the key is not set."""
        try:
            converted(value, _TYPES[section, name])
        except ValueError as error:
            return str(error)
        self.settings[section, name] = value
        return ""

    def explain(self, subject: str, why: str, *, lost: bool = False) -> None:
        """Say why `subject` will not be the same."""
        self.reasons[subject] = why
        if lost:
            self.lost.add(subject)

    def leave_out(self, names: Iterable[str]) -> None:
        """Leave these variables or destinations of the preset out."""
        wanted = sorted({*self.left_out, *names})
        if wanted:
            self.settings["node", "without"] = wanted

    @property
    def left_out(self) -> list[str]:
        found = self.settings.get(("node", "without"), [])
        return list(found) if isinstance(found, list) else []


_TYPES = schema_keys()
