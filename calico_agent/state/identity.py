"""The last choice of name and addresses, on disk: a restart of the agent or of the host must not move the node."""

from datetime import UTC, datetime
from ipaddress import ip_interface
from typing import Any

from calico_agent.model.identity import KeptAddress, KeptIdentity
from calico_agent.state.json_file import JsonFile

_LONGEST_TEXT = 256


class IdentityFile(JsonFile[KeptIdentity]):
    """The last choice."""

    def __init__(self, state_dir: str) -> None:
        super().__init__(state_dir, "identity.json", KeptIdentity())

    def encode(self, value: KeptIdentity) -> dict[str, object]:
        """Return it as plain JSON types."""
        return {
            "machine_id": value.machine_id,
            "name": value.name,
            "name_source": value.name_source,
            "ipv4": _encode_address(value.ipv4),
            "ipv6": _encode_address(value.ipv6),
        }

    def decode(self, values: dict[str, Any]) -> KeptIdentity:
        """Return the choice again."""
        return KeptIdentity(
            machine_id=_text(values, "machine_id"),
            name=_text(values, "name"),
            name_source=_text(values, "name_source"),
            ipv4=_decode_address(values.get("ipv4"), 4),
            ipv6=_decode_address(values.get("ipv6"), 6),
        )


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
