"""Which environment variables hold secrets: their values are never shown, logged or compared in words."""

import re

_SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|PSK|PRIVATE|(^|_)KEY$", re.IGNORECASE)

HIDDEN = "(not shown)"


def is_secret(name: str) -> bool:
    """Whether the variable of this name holds a secret. ETCD_KEY is a key, ETCD_KEY_FILE only the path of one."""
    return _SECRET_NAME.search(name) is not None
