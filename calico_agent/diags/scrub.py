"""What may leave this host: text and JSON without secrets. Pure.

More is hidden here than on the host itself (`secret`): whoever reads a bundle is a stranger, and a word too much hidden
costs nothing. What has the name of a secret is hidden whatever it is; what has the form of one wherever it stands.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

from calico_agent.secret import HIDDEN, is_shown, masked

_NAME = r"[\w.-]*(?:pass(?:w|phrase|code)|passwd|secret|token|psk|presharedkey|privatekey|private[_-]key|cred(?:ential)?s?\b|bearer|api[_-]?key|access[_-]?key|key[_-]?data|accountkey|auth(?!ority|or|n\b|z\b)|pwd|cookie|signature)[\w.-]*"  # noqa: E501
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# What looks like one and is none: paths, names of objects, public halves.
_HARMLESS = re.compile(r"public|file$|path$|dir$|secretkeyref|automount|author|enabled$|_mode$|policy$", re.IGNORECASE)

_FORMS = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|dckr_pat_|npm_|pypi-|hvs\.|sk-|AIza)[\w-]{10,}"
    r"|\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\w*|pbkdf2[\w-]*)\$[^\s\"',;]{8,}"  # crypt(5)
    r"|\bLS0tLS1CRUdJTi[\w+/=]*"
)
_HEADER = re.compile(
    r"((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:token|key|auth)[\w-]*)(\s*[:=]\s*)[^\r\n\"']+", re.IGNORECASE
)
_ASSIGNED = re.compile(
    rf"(?<![\w.-])({_NAME})([\"']?\s*[=:]\s*[\"']?)(?!\(not shown\))([^\s\"',;&}}\]]+)", re.IGNORECASE
)
_QUOTED = re.compile(rf"(?<![\w.-])({_NAME})([\"']?\s*[=:]?\s*)(\"[^\"\n]*\"|'[^'\n]*')", re.IGNORECASE)
_FLAG = re.compile(rf"(?<!\S)(--?(?:{_NAME}|user|key|p|u))([= ])(?!-)(\"[^\"\n]*\"|'[^'\n]*'|\S+)", re.IGNORECASE)
_FLAG_ALONE = re.compile(rf"--?(?:{_NAME}|user|p|u)", re.IGNORECASE)
_PGP = re.compile(r"-----BEGIN PGP PRIVATE KEY BLOCK-----.*?(?:-----END PGP PRIVATE KEY BLOCK-----|\Z)", re.DOTALL)
_SHORTEST_KNOWN = 6

# Without one of these a line holds nothing of the above.
_TELLING = (
    "pass", "secret", "token", "psk", "key", "cred", "bearer", "auth", "pwd", "cookie", "signature", "user", "-p", "-u",
    "akia", "asia", "gh", "glpat-", "xox", "dckr_", "npm_", "pypi-", "hvs.", "sk-", "aiza", "$", "ls0t",
)  # fmt: skip
# Addresses, numbers and single words, which most of a table consists of.
_PLAIN = re.compile(r"[0-9a-f.:/]{1,43}|[a-z_]{1,12}|[A-Z_]{1,12}")


def scrubbed_text(text: str, known: Iterable[str] = ()) -> str:
    """Text without what has the name or the form of a secret, and without the `known` secrets of this host."""
    for secret in known:
        if len(secret) >= _SHORTEST_KNOWN:
            text = text.replace(secret, HIDDEN)
    if "PRIVATE KEY BLOCK" in text:
        text = _PGP.sub(HIDDEN, text)
    return "".join(map(_scrubbed_line, masked(text).splitlines(keepends=True)))


def _scrubbed_line(line: str) -> str:
    lower = line.lower()
    if not any(word in lower for word in _TELLING):  # most lines, and much cheaper than to look closer
        return line
    line = _FORMS.sub(HIDDEN, line)
    line = _HEADER.sub(rf"\1\2{HIDDEN}", line)
    line = _FLAG.sub(_hidden, line)
    return _ASSIGNED.sub(_hidden, _QUOTED.sub(_hidden, line))


def _hidden(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    return found[0] if _HARMLESS.search(name) or value in _WORDS else f"{name}{between}{HIDDEN}"


# Settings whose names look like those of secrets and whose values are none.
_WORDS = frozenset({"true", "false", "none", "null", "yes", "no", "0", "1", '""', "''"})


def scrubbed_json(value: object, known: Iterable[str] = (), name: str = "") -> object:
    """A document of plain JSON types in the same form; what has the name of a secret is hidden, and so are keys."""
    secrets = tuple(known)
    if name == "machine_id" and isinstance(value, str) and value:
        return sha256(value.encode()).hexdigest()[: len(value)]  # whose it is can still be compared
    if isinstance(value, str):
        return HIDDEN if _is_secret(name) and value not in _WORDS else _scrubbed_entry(value, secrets)
    if isinstance(value, Mapping):
        return {
            _scrubbed_entry(str(key), secrets): scrubbed_json(inner, secrets, str(key)) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return _scrubbed_list(value, secrets, name)
    if _is_secret(name) and not isinstance(value, bool | None):
        return HIDDEN
    return value


@lru_cache(4096)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None and not _HARMLESS.search(name)


def _scrubbed_list(values: Iterable[object], known: tuple[str, ...], name: str) -> list[object]:
    """The value of a flag may be the next word."""
    found: list[object] = []
    flag = False
    for each in values:
        found.append(HIDDEN if flag and isinstance(each, str) else scrubbed_json(each, known, name))
        flag = isinstance(each, str) and _FLAG_ALONE.fullmatch(each) is not None
    return found


def _scrubbed_entry(text: str, known: tuple[str, ...]) -> str:
    return text if _PLAIN.fullmatch(text) and text not in known else scrubbed_text(text, known)


def scrubbed_environment(entries: Iterable[str]) -> list[str]:
    """`NAME=value` of a container: values of the variables that calico/node documents, of others their names."""
    return [_shown_entry(*entry.partition("=")) for entry in entries]


def _shown_entry(name: str, _equals: str, value: str) -> str:
    return f"{scrubbed_text(name)}={scrubbed_text(value) if is_shown(name) or not value else HIDDEN}"


def hidden_values(entries: Iterable[str]) -> frozenset[str]:
    """The values of such variables that have the name of a secret: they are hidden wherever they stand."""
    pairs = (entry.partition("=")[::2] for entry in entries)
    return frozenset(value for name, value in pairs if _is_secret(name) and len(value) >= _SHORTEST_KNOWN)
