"""What the API answers when it does not answer, as recorded; and lists, watches and tokens."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calico_agent.model.settings import KubernetesSettings
from calico_agent.sources.datastore.kubernetes.client import METADATA, ApiClient
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.objects import WatchEvent, named
from calico_agent.sources.datastore.server.error import DatastoreError
from tests.etcd_server import free_port
from tests.sources.datastore.kubernetes.recorded_api import WIRE, Answer, Question, page, playing, recorded

PATH = "/apis/crd.projectcalico.org/v1/ippools"


def client(url: str, timeout: float = 3.0, **more: Any) -> ApiClient:
    return ApiClient(Logins(KubernetesSettings(server=url, **more)), timeout)


def refused(answer: Answer | Callable[[Question], Answer], timeout: float = 3.0) -> DatastoreError:
    with (
        playing(answer if callable(answer) else lambda _: answer) as api,
        pytest.raises(DatastoreError) as error,
    ):
        client(api.url, timeout).get(PATH)
    return error.value


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("unauthorized", "unauthorized", "does not know the credential any more (401)"),
        ("forbidden-list", "denied", 'cannot list resource "blockaffinities" in API group "crd.projectcalico.org"'),
        ("forbidden-watch", "denied", 'cannot watch resource "blockaffinities" in API group "crd.projectcalico.org"'),
        ("crd-missing", "absent", "the API has no /apis/crd.projectcalico.org/v1/ippools (404)"),
        ("not-found", "absent", "(404)"),
        ("continue-expired", "compacted", "(410)"),
        ("bad-continue", "failed", "the API answers with 400: invalid continue token"),
    ],
)
def test_a_refusal_as_recorded_is_told_in_words(name: str, code: str, words: str) -> None:
    error = refused(recorded(name))
    assert error.code == code
    assert words in error.reason


def test_too_many_requests_are_waited_for_as_long_as_the_api_asks() -> None:
    answers = [recorded("too-many-requests"), page("a")]
    with playing(lambda _: answers.pop(0)) as api:
        began = time.monotonic()
        assert [one.name for _, found in client(api.url).pages(PATH) for one in found] == ["a"]
        assert time.monotonic() - began >= 1.0


def test_too_many_requests_are_told_when_there_is_no_time_to_wait() -> None:
    error = refused(recorded("too-many-requests"), timeout=0.5)
    assert error.code == "busy"


def test_all_pages_of_a_list_are_read() -> None:
    def answer(question: Question) -> Answer:
        return page("c") if question.parameters.get("continue") == "more" else page("a", "b", further="more")

    with playing(answer) as api:
        found = [[one.name for one in objects] for _, objects in client(api.url).pages(PATH, size=2)]
    assert found == [["a", "b"], ["c"]]
    assert [question.parameters["limit"] for question in api.asked] == ["2", "2"]


def test_what_the_server_has_in_memory_comes_in_one_body() -> None:
    with playing(lambda _: page("a")) as api:
        assert list(client(api.url).pages("/api/v1/nodes", accept=METADATA, cached=True))
    assert (api.asked[0].parameters, api.asked[0].accept) == ({"resourceVersion": "0"}, METADATA)


def test_a_recorded_watch_is_heard_to_its_end() -> None:
    lines = (WIRE / "watch-bgppeers.jsonl").read_bytes().splitlines(keepends=True)
    with playing(lambda _: Answer(lines=tuple(lines))) as api:
        events = list(client(api.url).watch(PATH, 466, 50).events())
    told = [(event.type, named(event.object).name, named(event.object).version) for event in events]
    assert told[:4] == [
        ("ADDED", "rr-clients", "468"),
        ("ADDED", "tor", "469"),
        ("DELETED", "rr-clients", "480"),
        ("DELETED", "tor", "481"),
    ]
    assert told[4] == ("BOOKMARK", "", "481")
    assert api.asked[0].parameters == {
        "watch": "1",
        "resourceVersion": "466",
        "timeoutSeconds": "50",
        "allowWatchBookmarks": "true",
    }


def test_a_watch_can_be_ended_from_another_thread() -> None:
    with playing(lambda _: Answer(lasts=True)) as api:
        stream = client(api.url).watch(PATH, 1, 50)
        events: list[WatchEvent] = []
        thread = threading.Thread(target=lambda: events.extend(_until_error(stream.events)), daemon=True)
        thread.start()
        time.sleep(0.2)
        stream.close()
        thread.join(5)
        assert not thread.is_alive()
        stream.close()  # a second time does nothing


def _until_error(events: Callable[[], object]) -> list[WatchEvent]:
    try:
        return list(events())  # type: ignore[call-overload, no-any-return]
    except DatastoreError:
        return []


def test_a_new_token_is_read_when_the_api_does_not_know_the_old_one(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def answer(question: Question) -> Answer:
        return page("a") if question.token == "new" else recorded("unauthorized")

    with playing(answer) as api:
        asking = client(api.url, token_file=str(token))
        token.write_text("new\n")
        asking.get(PATH)
        assert [question.token for question in api.asked] == ["old", "new"]


def test_a_token_that_is_the_same_is_shown_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    with playing(lambda _: recorded("unauthorized")) as api:
        with pytest.raises(DatastoreError):
            client(api.url, token_file=str(token)).get(PATH)
        assert len(api.asked) == 1


def test_a_renewed_token_is_no_reason_for_a_new_connection_and_a_renewed_authority_is(tmp_path: Path) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("one")
    authority.write_text("")
    asking = client("http://127.0.0.1:1", token_file=str(token), ca_file=str(authority))
    token.write_text("two")
    assert not asking.renewed()
    authority.write_text("another")
    assert asking.renewed()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DatastoreError) as error:
        client(f"http://127.0.0.1:{free_port()}").get(PATH)
    assert (error.value.code, error.value.reason) == ("refused", "connection refused")


def test_a_server_that_is_silent() -> None:
    with playing(lambda _: Answer(lasts=True)) as api, pytest.raises(DatastoreError) as error:
        client(api.url, timeout=0.3).get(PATH)
    assert (error.value.code, error.value.reason) == ("timeout", "no answer within 0.3 s")


def test_a_token_is_never_sent_in_clear_text_to_another_machine() -> None:
    with pytest.raises(DatastoreError) as error:
        client("http://10.0.0.1:8080")
    assert "http" in error.value.reason


def test_nothing_that_is_secret_is_shown() -> None:
    settings = replace(KubernetesSettings(token="very-secret"), server="https://127.0.0.1:1")
    assert "very-secret" not in repr(settings)
