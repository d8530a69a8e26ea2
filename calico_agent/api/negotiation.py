"""What a client accepts (RFC 9110, 12.5): gzip for whoever asks for it, and the metrics as OpenMetrics.

Prometheus asks for both, and a large report shrinks to a tenth.
"""

import gzip

_SMALLEST = 1024
_FAST = 1
_OPEN_METRICS, _TEXT = "application/openmetrics-text", "text/plain"


def compressed(body: bytes, accepted: str) -> bytes | None:
    """Return the body as gzip; None where it is to be sent as it is. `accepted` is an Accept-Encoding header."""
    return gzip.compress(body, _FAST, mtime=0) if len(body) >= _SMALLEST and wants_gzip(accepted) else None


def wants_gzip(accepted: str) -> bool:
    """True if an Accept-Encoding header names gzip, and not to refuse it."""
    return _weight(accepted, "gzip", "") > 0


def wants_open_metrics(accepted: str) -> bool:
    """True if an Accept header names OpenMetrics, of version 1 or of any, and does not like plain text better."""
    weight = _weight(accepted, _OPEN_METRICS, "1.0.0")
    return weight > 0 and weight >= _weight(accepted, _TEXT, "0.0.4")


def _weight(accepted: str, name: str, version: str) -> float:
    """How much it is wanted in this version, from 0 to 1; 0 where the header says nothing of it."""
    weights = [0.0]
    for one in accepted.lower().split(","):
        named, *said = (part.strip() for part in one.split(";"))
        parameters = dict(part.split("=", 1) for part in said if "=" in part)
        if named == name and parameters.get("version", version).strip('"') == version:
            weights.append(_number(parameters.get("q", "1")))
    return max(weights)


def _number(text: str) -> float:
    """RFC 9110, 12.4.2: from 0 to 1 with three digits at the most. What is none is no wish."""
    digits = text.strip()
    return float(digits) if digits.replace(".", "", 1).isdecimal() and digits.isascii() and len(digits) <= 5 else 0.0
