"""Kubernetes' quantities (`250m`, `64Mi`) -> numbers, and what kubelet makes of them for a container."""

import re
from decimal import ROUND_CEILING, Decimal

_QUANTITY = re.compile(r"([+-]?[0-9]{1,18}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:([eE][+-]?[0-9]{1,2})|([numkMGTPE]?i?))")
_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LEAST_SHARES = 2


def quantity(text: str) -> Decimal | None:
    """The number, None for what is none (apimachinery/pkg/api/resource/quantity.go of kubernetes/kubernetes)."""
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        return None
    number, exponent, suffix = Decimal(found[1]), found[2], found[3] or ""
    if exponent:
        return number.scaleb(int(exponent[1:]))
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    return number.scaleb(_POWERS[suffix]) if suffix in _POWERS else None


def cpu_shares(text: str) -> int:
    """What a request of processors is to Docker: kubelet's MilliCPUToShares (pkg/kubelet/cm/helpers_linux.go)."""
    number = quantity(text)
    return max(int(number * 1024), _LEAST_SHARES) if number else 0


def nano_cpus(text: str) -> int:
    number = quantity(text)
    return int(number.scaleb(9)) if number else 0


def whole(text: str) -> int:
    """A number of bytes, and the like: rounded up, as Kubernetes does."""
    number = quantity(text)
    return int(number.to_integral_value(ROUND_CEILING)) if number else 0
