"""Answers as gzip, for whoever asks for them so: Prometheus does, and a large report shrinks to a tenth."""

import gzip

_SMALLEST = 1024
_FAST = 1


def wants_gzip(accepted: str) -> bool:
    """True if an Accept-Encoding header names gzip, and not to refuse it (RFC 9110, 12.5.3)."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


def compressed(body: bytes, accepted: str) -> bytes | None:
    """Return the body as gzip; None where it is to be sent as it is."""
    return gzip.compress(body, _FAST, mtime=0) if len(body) >= _SMALLEST and wants_gzip(accepted) else None
