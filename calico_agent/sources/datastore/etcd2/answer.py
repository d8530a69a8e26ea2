"""What etcd's v2 API answers: a tree of keys, or one event, or an error, in JSON.

Forms: etcdserver/api/v2store/{event,node_extern}.go and v2error/error.go of etcd@v3.4.23. A node that is a folder has
`dir` and mostly `nodes`, any other a `value`. A key that does not exist is an error there, here a tree without keys.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject, number, section, text

_MAX_INDEX = 2**63 - 1
# errorCode of an answer: the key is not there; the user may not; the event to go on from is no longer kept.
_NOT_FOUND, _DENIED, _CLEARED = 100, 110, 401
_GONE = frozenset({"delete", "expire", "compareAndDelete"})


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """What happened to one key: its new value, None where it is gone, or the folder that is gone with all below it."""

    index: int
    items: tuple[tuple[str, bytes | None], ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Etcd2Answer:
    """`index` is how far etcd was. `refusal` is why it did not answer, in a sentence, and `code` a word for that."""

    index: int
    body: JsonObject
    refusal: str = ""
    code: str = ""

    def pairs(self) -> Iterator[tuple[str, bytes]]:
        """All keys of a tree with their values. Nodes that have no key are left out."""
        nodes = [self.body.get("node")]
        while nodes:
            node = nodes.pop()
            if isinstance(node, dict):
                below = node.get("nodes")
                nodes.extend(below if isinstance(below, list) else ())
                if not node.get("dir"):
                    yield _pair(node)

    def event(self) -> KeyEvent:
        """The one event that a poll answers with. Raises Malformed."""
        node = section(self.body, "node")
        index = number(node, "modifiedIndex", 0, _MAX_INDEX)
        if index is None:
            raise Malformed("an event has no index")
        key, value = _pair(node)
        if text(self.body, "action") in _GONE:
            return KeyEvent(index, folders=(f"{key}/",)) if node.get("dir") else KeyEvent(index, ((key, None),))
        return KeyEvent(index) if node.get("dir") else KeyEvent(index, ((key, value),))


def decode_answer(status: int, index: str, body: bytes) -> Etcd2Answer:
    """An answer of this HTTP status; `index` is its X-Etcd-Index. Raises Malformed for what is not etcd's."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        if status == 404:
            refusal = "it does not serve etcd's v2 API: etcd 3.4 needs --enable-v2, etcd 3.6 has it no more"
            return Etcd2Answer(0, {}, refusal, "api")
        raise Malformed(f"an answer of status {status} is not etcd's")
    missing = answer.get("errorCode") == _NOT_FOUND
    if status >= 400 and not missing:
        return Etcd2Answer(0, {}, *_refusal(status, answer))
    if not (index.isascii() and index.isdigit() and len(index) < 20):
        raise Malformed("an answer has no X-Etcd-Index")
    return Etcd2Answer(int(index), {} if missing else answer)


def _refusal(status: int, answer: JsonObject) -> tuple[str, str]:
    said = " ".join(f"{answer.get('message', '')} {answer.get('cause', '')}".split())[:300]
    if answer.get("errorCode") == _CLEARED:
        return "the events to go on from are no longer kept", "compacted"
    if status in {401, 403} or answer.get("errorCode") == _DENIED:
        return f"etcd refuses the user name or password, or does not let this user read ({said})", "denied"
    return f"etcd says: {said or status}", "timeout" if "timed out" in said else "failed"


def _pair(node: JsonObject) -> tuple[str, bytes]:
    return str(node.get("key", "")), str(node.get("value") or "").encode(errors="backslashreplace")
