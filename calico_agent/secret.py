"""What may be shown of what others wrote: the value of a variable by its name, any other text without its passwords.

A name that is not known says nothing about its value: a password is called `AUTH` here and `DB_DSN` there, and Docker's
own client puts the proxy of its user into every container (docs.docker.com/engine/cli/proxy). So values are shown of
what calico/node documents (docs.tigera.io, "Configure calico/node"; confd and Felix read the same names), and of no
other variable.
"""

import re
from collections.abc import Mapping

HIDDEN = "(not shown)"

_KNOWN = re.compile(
    r"CALICO_\w+|FELIX_\w+|IP6?|IP6?_\w+|ETCD_(?:ENDPOINTS|SCHEME|AUTHORITY|DISCOVERY_SRV|\w+_FILE)|NODENAME|HOSTNAME|AS"
    r"|DATASTORE_TYPE|CLUSTER_TYPE|NO_DEFAULT_POOLS|WAIT_FOR_DATASTORE|DISABLE_NODE_IP_CHECK|USE_POD_CIDR"
    r"|BGP_LOGSEVERITYSCREEN|K8S_(?:API_ENDPOINT|CURRENT_CONTEXT)|KUBECONFIG|KUBERNETES_SERVICE_(?:HOST|PORT)"
    r"|TZ|GODEBUG|GOMAXPROCS"
)
# FELIX_TYPHAKEYFILE and its like hold the path of a key, ETCD_AUTHORITY the address of a server.
_SECRET = re.compile(
    r"(?:PASS|SECRET|TOKEN|PSK|PRIV|CRED|BEARER|AUTH(?!ORITY)|KEY|CERT)(?!.*FILE$)|PW(?:D|$|_)", re.IGNORECASE
)

# docs.docker.com/engine/logging: what says how much is kept, in which form, and of what.
_LOG_OPTIONS = frozenset(
    {
        "cache-disabled", "compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "max-file",
        "max-size", "mode", "syslog-facility", "syslog-format", "tag",
    }
)  # fmt: skip

# A password may hold any character, a slash and an @ too; a port is none.
_USER_INFO = re.compile(r"//(?:[^\s/]*@|[^\s/@:]*:(?!\d+(?:[/,;]|$))\S*@)")
_PEM_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# A JSON web token, what follows `Bearer`, a PEM file in base64.
_TOKEN = re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*|(?<=[Bb]earer )[\w.~+/=-]{8,}|\bLS0tLS1CRUdJTi[\w+/=]*")
_ASSIGNED = re.compile(
    r"((?:passw(?:or)?d|secret|token|authorization)(?!\w*file)\w*[\"']?\s*[=:]\s*(?:bearer |basic )?+[\"']?)"
    r"(?!\(not shown\))[^\s\"',;&]+",
    re.IGNORECASE,
)


def is_shown(name: str) -> bool:
    """Whether people may see the value of the environment variable of this name."""
    return _KNOWN.fullmatch(name) is not None and _SECRET.search(name) is None


def shown_value(name: str, value: str) -> str:
    """The value of an environment variable for people."""
    return masked(value) if is_shown(name) or not value else HIDDEN


def shown_log_option(name: str, value: str) -> str:
    """The value of an option of a logging driver for people; some hold the token of a log server."""
    return masked(value) if name in _LOG_OPTIONS else HIDDEN


def masked(text: str) -> str:
    """The text without the user information of URLs, without private keys, without what is assigned to a password."""
    if "-----BEGIN" in text:
        text = _PEM_KEY.sub(HIDDEN, text)
    if "@" in text:
        text = _USER_INFO.sub(f"//{HIDDEN}@", text)
    # What each of them cannot do without is looked for first: a report has ten thousand texts, nearly all without.
    if "eyJ" in text or "earer " in text or "LS0tLS1" in text:
        text = _TOKEN.sub(HIDDEN, text)
    return _ASSIGNED.sub(rf"\1{HIDDEN}", text) if "=" in text or ":" in text else text


def masked_table(document: Mapping[str, object]) -> dict[str, object]:
    """The same for every text of a document of plain JSON types."""
    return {name: _masked_value(value) for name, value in document.items()}


def _masked_value(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return masked_table(value)
    if isinstance(value, list):
        return [_masked_value(each) for each in value]
    return value
