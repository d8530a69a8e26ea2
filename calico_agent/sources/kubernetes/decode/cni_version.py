"""A CNI plugin's answer to the command VERSION (containernetworking/cni, SPEC.md): which versions of it it speaks."""

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import items, parse_object, text

REQUEST = b'{"cniVersion": "1.0.0"}'
"""What it is given to read."""

_MOST = 32


def decode_cni_version(output: bytes) -> tuple[str, ...]:
    """All of them; none for a plugin of before there was this command. Raises Malformed, also for an error it tells."""
    answer = parse_object(output)
    if "unknown CNI_COMMAND" in (text(answer, "msg") or ""):
        return ()
    if answer.get("code") is not None or (said := text(answer, "cniVersion")) is None:
        raise Malformed(text(answer, "msg") or "it tells no version")
    listed = [one for one in items(answer, "supportedVersions")[:_MOST] if isinstance(one, str) and one.isprintable()]
    return tuple(listed or [said])
