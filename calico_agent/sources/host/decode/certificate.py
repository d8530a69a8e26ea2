"""What a certificate says, out of a PEM file (RFC 7468) with X.509 certificates (RFC 5280, 4.1)."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime

from calico_agent.model.host.certificate import Certificate
from calico_agent.sources.decode_error import Malformed

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_SEQUENCE, _OID, _OCTETS, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME = 0x82
_COMMON_NAME, _EXTENDED_KEY_USAGE, _ALTERNATIVE_NAME = "2.5.4.3", "2.5.29.37", "2.5.29.17"
_Element = tuple[int, bytes]
"""Tag and content."""


def decode_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """One for each certificate of the file, in its order; the first is our own. Raises Malformed, also for none."""
    found = []
    rest = pem.decode("ascii", errors="replace")
    while _BEGIN in rest:
        body, end, rest = rest[rest.index(_BEGIN) + len(_BEGIN) :].partition(_END)
        if not end:
            raise Malformed("a certificate has no end")
        try:
            der = b64decode("".join(body.split()), validate=True)
        except ValueError:
            raise Malformed("a certificate cannot be understood") from None
        found.append(decode_certificate(der))
    if not found:
        if pem[:2] == b"\x30\x82":
            raise Malformed("it is in the form DER, and wanted is PEM: openssl x509 -inform der -in FILE makes one")
        raise Malformed("it holds no certificate")
    return tuple(found)


def decode_certificate(der: bytes) -> Certificate:
    """One certificate in its binary form. Raises Malformed."""
    try:
        return _certificate(der)
    except (ValueError, IndexError, StopIteration):
        raise Malformed("a certificate cannot be understood") from None


def _certificate(der: bytes) -> Certificate:
    fields = list(_elements(_inside(next(_elements(_inside(next(_elements(der))))))))
    # version (optional), serial number, signature algorithm, issuer, validity, subject, key, then optional ones
    validity, subject = fields[4:6] if fields[0][0] == _VERSION else fields[3:5]
    not_before, not_after = list(_elements(_inside(validity)))[:2]
    extensions = dict(_extensions(fields))
    return Certificate(
        _time(not_before),
        _time(not_after),
        _common_name(_inside(subject)) or _first_name(extensions.get(_ALTERNATIVE_NAME, b"")),
        frozenset(_usages(extensions.get(_EXTENDED_KEY_USAGE, b""))),
    )


def _extensions(fields: list[_Element]) -> Iterator[tuple[str, bytes]]:
    """Object identifier and value of each."""
    for content in (content for tag, content in fields if tag == _EXTENSIONS):
        for extension in _elements(_inside(next(_elements(content)))):
            identifier, *_, value = _elements(_inside(extension))
            if value[0] == _OCTETS:
                yield _object_identifier(identifier), value[1]


def _common_name(name: bytes) -> str:
    for _, relative in _elements(name):
        for attribute in _elements(relative):
            identifier, value = list(_elements(_inside(attribute)))[:2]
            if _object_identifier(identifier) == _COMMON_NAME:
                return _printable(value[1])
    return ""


def _first_name(alternative: bytes) -> str:
    names = _elements(_inside(next(_elements(alternative)))) if alternative else iter(())
    return next((_printable(content) for tag, content in names if tag == _DNS_NAME), "")


def _usages(extended: bytes) -> Iterator[str]:
    if extended:
        yield from map(_object_identifier, _elements(_inside(next(_elements(extended)))))


def _printable(content: bytes) -> str:
    text = content.decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _object_identifier(element: _Element) -> str:
    """ITU-T X.690, 8.19."""
    tag, content = element
    if tag != _OID:
        raise ValueError("not an object identifier")
    numbers, number = [], 0
    for octet in content:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


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
