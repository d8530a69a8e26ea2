"""The last choice of name and addresses, on disk: a restart of the agent or of the host must not move the node.

The file is small and worth little: whatever is wrong with it, the choice is made anew by the evidence.
"""

import json
from datetime import UTC, datetime
from ipaddress import ip_interface
from pathlib import Path

from calico_agent.model.identity import KeptAddress, KeptIdentity
from calico_agent.state.files import read_state, write_state

_NAME = "identity.json"
_FORMAT = 1
_LONGEST_TEXT = 256


class IdentityFile:
    """The file in `state_dir`; with an empty `state_dir` nothing is kept. `trouble` says what went wrong last."""

    def __init__(self, state_dir: str) -> None:
        self._path = Path(state_dir, _NAME) if state_dir else None
        self._kept = KeptIdentity()
        self.trouble = ""

    def load(self) -> KeptIdentity:
        """What was kept, or nothing."""
        if self._path is None:
            return self._kept
        try:
            self._kept = _decode(read_state(self._path))
        except FileNotFoundError:
            pass
        except OSError as error:
            self.trouble = f"{self._path} cannot be read: {error.strerror}"
        except ValueError as error:
            self.trouble = f"{self._path} is of no use: {error}"
        return self._kept

    def save(self, kept: KeptIdentity) -> None:
        """Keep it, if it is not what is kept already."""
        if self._path is None or kept == self._kept:
            return
        try:
            write_state(self._path, json.dumps(_encode(kept)))
        except OSError as error:
            self.trouble = f"{self._path} cannot be written: {error.strerror}"
        else:
            self._kept, self.trouble = kept, ""


def _encode(kept: KeptIdentity) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "machine_id": kept.machine_id,
        "name": kept.name,
        "name_source": kept.name_source,
        "ipv4": _encode_address(kept.ipv4),
        "ipv6": _encode_address(kept.ipv6),
    }


def _encode_address(kept: KeptAddress | None) -> dict[str, str] | None:
    if kept is None:
        return None
    return {
        "address": str(kept.interface),
        "link": kept.link,
        "rule": kept.rule,
        "since": kept.since.isoformat(),
        "reason": str(kept.reason),
    }


def _decode(content: bytes) -> KeptIdentity:
    """Raises ValueError with what is wrong."""
    try:
        values = json.loads(content)
    except (RecursionError, ValueError):
        raise ValueError("it is not JSON") from None
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise ValueError("it is of another format")
    return KeptIdentity(
        machine_id=_text(values, "machine_id"),
        name=_text(values, "name"),
        name_source=_text(values, "name_source"),
        ipv4=_decode_address(values.get("ipv4"), 4),
        ipv6=_decode_address(values.get("ipv6"), 6),
    )


def _decode_address(values: object, version: int) -> KeptAddress | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise ValueError(f"ipv{version} is no object")  # noqa: TRY004 - it is the file that is wrong
    interface = ip_interface(_text(values, "address"))
    since = datetime.fromisoformat(_text(values, "since"))
    if interface.version != version or since.tzinfo is None:
        raise ValueError(f"ipv{version} holds no IPv{version} address, or no time")
    link, rule, reason = (_text(values, name) for name in ("link", "rule", "reason"))
    return KeptAddress(interface, link, rule, since.astimezone(UTC), reason)


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"{name} is no text")
    return value
