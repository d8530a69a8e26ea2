"""From when until when certificates are valid, out of a PEM file (RFC 7468) with X.509 certificates (RFC 5280, 4.1)."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from calico_agent.decode.errors import Malformed

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_Element = tuple[int, bytes]
"""Tag and content."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The time in which one certificate is valid, both ends included (aware, UTC)."""

    not_before: datetime
    not_after: datetime


def decode_certificates(pem: bytes) -> tuple[Validity, ...]:
    """One for each certificate of the file, in its order; the first is our own. Raises Malformed, also for none."""
    found = []
    rest = pem.decode("ascii", errors="replace")
    while _BEGIN in rest:
        body, end, rest = rest[rest.index(_BEGIN) + len(_BEGIN) :].partition(_END)
        if not end:
            raise Malformed("a certificate has no end")
        try:
            found.append(_validity(b64decode("".join(body.split()), validate=True)))
        except (ValueError, IndexError, StopIteration):
            raise Malformed("a certificate cannot be understood") from None
    if not found:
        raise Malformed("it holds no certificate")
    return tuple(found)


def _validity(der: bytes) -> Validity:
    certificate = _inside(next(_elements(der)))
    fields = _elements(_inside(next(_elements(certificate))))
    # version (optional), serial number, signature algorithm, issuer, validity
    first = next(fields)
    for _ in range(3 if first[0] == _VERSION else 2):
        next(fields)
    not_before, not_after = list(_elements(_inside(next(fields))))[:2]
    return Validity(_time(not_before), _time(not_after))


def _inside(element: _Element) -> bytes:
    if element[0] != _SEQUENCE:
        raise ValueError("not a sequence")
    return element[1]


def _elements(der: bytes) -> Iterator[_Element]:
    """The elements that follow one another (ITU-T X.690). Raises ValueError and IndexError."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[at : at + size])
            at += size
        if at + length > len(der):
            raise ValueError("cut short")
        yield tag, der[at : at + length]
        at += length


def _time(element: _Element) -> datetime:
    """RFC 5280, 4.1.2.5: years of two digits from 50 on are of the last century."""
    tag, content = element
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
