"""Files of sections with `key=value` lines, as systemd and NetworkManager have them -> their settings, in order.

Python's configparser knows neither keys that are given twice nor systemd's continued lines.
"""

from collections.abc import Iterator
from typing import NamedTuple


class FileSetting(NamedTuple):
    section: str
    key: str
    value: str


def decode_settings(text: str) -> Iterator[FileSetting]:
    """All of them. A line that is none is passed over, as its readers do."""
    section = ""
    for line in _whole_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and section:
            key, _, value = line.partition("=")
            yield FileSetting(section, key.strip(), value.strip())


def _whole_lines(text: str) -> Iterator[str]:
    """Without comments; one that ends in a backslash goes on in the next line."""
    begun = ""
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.endswith("\\"):
            begun += f"{stripped[:-1]} "
            continue
        yield begun + stripped
        begun = ""
