"""A JSON web token (RFC 7519), as Kubernetes gives them to service accounts: whose it is and how long it is valid.

Nothing of it is verified: that is what the API does when it is shown there. Other tokens say nothing.
"""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

_LONGEST = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT = "system:serviceaccount:"


def decode_web_token(token: str) -> tuple[str, datetime | None]:
    """The account that it names, empty for none, and its end; None for one without an end, or of another kind."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST:
        return "", None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        account, end = claims.get("sub"), claims.get("exp")
    except (ValueError, RecursionError, AttributeError):
        return "", None
    known = isinstance(account, str) and account.startswith(_SUBJECT) and account.isprintable() and len(account) < 600
    return account if known else "", _time(end)


def _time(seconds: object) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=seconds) if type(seconds) in {int, float} else None  # type: ignore[arg-type]
    except OverflowError:
        return None
