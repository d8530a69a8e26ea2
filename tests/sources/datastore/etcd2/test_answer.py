"""Answers of etcd's v2 API, right and wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.datastore.etcd2.answer import Etcd2Answer, KeyEvent, decode_answer
from calico_agent.sources.decode_error import Malformed

TREE = {
    "action": "get",
    "node": {
        "key": "/calico",
        "dir": True,
        "nodes": [
            {"key": "/calico/a", "value": "1", "modifiedIndex": 4},
            {"key": "/calico/empty", "dir": True},
            {"key": "/calico/b", "dir": True, "nodes": [{"key": "/calico/b/c", "value": ""}]},
        ],
    },
}


def answer(status: int, body: object, index: str = "7") -> Etcd2Answer:
    return decode_answer(status, index, json.dumps(body).encode())


def test_a_tree_is_its_keys() -> None:
    found = answer(200, TREE)
    assert found.index == 7
    assert sorted(found.pairs()) == [("/calico/a", b"1"), ("/calico/b/c", b"")]


def test_a_key_that_is_not_there_is_a_tree_without_keys() -> None:
    found = answer(404, {"errorCode": 100, "message": "Key not found", "cause": "/calico", "index": 7})
    assert (found.index, found.refusal, list(found.pairs())) == (7, "", [])


@pytest.mark.parametrize(
    ("action", "node", "event"),
    [
        ("set", {"key": "/a", "value": "1"}, KeyEvent(9, (("/a", b"1"),))),
        ("compareAndSwap", {"key": "/a", "value": "2"}, KeyEvent(9, (("/a", b"2"),))),
        ("delete", {"key": "/a"}, KeyEvent(9, (("/a", None),))),
        ("expire", {"key": "/a"}, KeyEvent(9, (("/a", None),))),
        ("delete", {"key": "/a", "dir": True}, KeyEvent(9, folders=("/a/",))),
        ("create", {"key": "/a", "dir": True}, KeyEvent(9)),
    ],
)
def test_an_event(action: str, node: dict[str, object], event: KeyEvent) -> None:
    assert answer(200, {"action": action, "node": node | {"modifiedIndex": 9}}).event() == event


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"errorCode": 401, "message": "The event in requested index is outdated and cleared"}, "compacted"),
        (401, {"message": "Insufficient credentials"}, "denied"),
        (403, {"errorCode": 110, "message": "The request requires user authentication"}, "denied"),
        (
            500,
            {"errorCode": 300, "message": "Raft Internal Error", "cause": "etcdserver: request timed out"},
            "timeout",
        ),
        (503, {"message": "no leader"}, "failed"),
    ],
)
def test_a_refusal(status: int, body: object, code: str) -> None:
    found = answer(status, body)
    assert found.refusal
    assert found.code == code


@pytest.mark.parametrize(
    ("status", "body", "index"),
    [(200, "[]", "7"), (502, "<html>", "7"), (200, "{}", ""), (200, "{}", "9" * 30), (200, "{}", "x")],
)
def test_what_is_not_etcds(status: int, body: str, index: str) -> None:
    with pytest.raises(Malformed):
        decode_answer(status, index, body.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["node", "nodes", "key", "dir", "value"]), inner),
)


@given(st.integers(100, 599), st.text(), JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_no_answer_raises_anything_else(status: int, index: str, body: bytes) -> None:
    try:
        found = decode_answer(status, index, body)
        list(found.pairs())
        found.event()
    except Malformed:
        pass
