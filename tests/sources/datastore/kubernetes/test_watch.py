"""What the watch makes of recorded answers: events in order, and a list where the API has forgotten."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from calico_agent.model.settings import KubernetesSettings
from calico_agent.sources.datastore.backend import Changes
from calico_agent.sources.datastore.kubernetes import poll_rounds
from calico_agent.sources.datastore.kubernetes import watch as watch_module
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.decode import NODES
from calico_agent.sources.datastore.kubernetes.kinds import V1, FollowedKind, group_of, kinds_of
from calico_agent.sources.datastore.kubernetes.logins import Logins
from calico_agent.sources.datastore.kubernetes.poll_rounds import PollRounds
from calico_agent.sources.datastore.kubernetes.watch import Known, KubernetesWatch
from calico_agent.sources.datastore.server.error import DatastoreError
from tests.patience import until
from tests.sources.datastore.kubernetes.recorded_api import WIRE, Answer, Question, RecordedApi, page, recorded
from tests.sources.datastore.kubernetes.recorded_api import playing as playing_answers

POOLS = "ippools/"
PATH = "/apis/crd.projectcalico.org/v1/ippools"
KIND = FollowedKind(POOLS, PATH)


@contextmanager
def watching(
    api: RecordedApi, known: Known, kind: FollowedKind = KIND, start: int = 300, rounds: PollRounds | None = None
) -> Iterator[Iterator[Changes]]:
    client = ApiClient(Logins(KubernetesSettings(server=api.url)), 3.0)
    with KubernetesWatch(client, [kind], {kind.prefix: start + 1}, known, 0, rounds or PollRounds()) as watch:
        yield watch.changes()


def event(type_: str, name: str, version: str) -> bytes:
    metadata = {"name": name, "resourceVersion": version}
    return json.dumps({"type": type_, "object": {"metadata": metadata, "spec": {}}}).encode() + b"\n"


def test_events_are_told_in_order_and_a_bookmark_says_how_far_it_is() -> None:
    lines = (WIRE / "watch-ippools.jsonl").read_bytes().splitlines(keepends=True)
    known: Known = {}
    with playing_answers(lambda _: Answer(lines=tuple(lines), lasts=True)) as api, watching(api, known) as changes:
        told = [next(changes) for _ in range(3)]
    name = f"{POOLS}default-ipv4-ippool"
    assert [(one.at, [key for key, _ in one.items]) for one in told] == [(438, [name]), (453, [name]), (453, [])]
    assert known == {POOLS: {"default-ipv4-ippool": "453"}}
    assert api.asked[0].parameters["resourceVersion"] == "300"


def test_a_watch_that_is_over_goes_on_after_its_bookmark() -> None:
    def answer(question: Question) -> Answer:
        first = question.parameters["resourceVersion"] == "300"
        return Answer(lines=(event("BOOKMARK", "", "500"),)) if first else Answer(lasts=True)

    with playing_answers(answer) as api, watching(api, {}) as changes:
        assert next(changes).at == 500
        until("the next one is asked for", lambda: len(api.asked) > 1)
        assert api.asked[1].parameters["resourceVersion"] == "500"


@pytest.mark.parametrize("forgotten", ["watch-expired", "list-exact-expired"], ids=["by an event", "by a status"])
def test_where_the_api_has_forgotten_that_kind_is_listed_anew(forgotten: str) -> None:
    """What went meanwhile was in no event."""

    def answer(question: Question) -> Answer:
        if "watch" not in question.parameters:
            return page("stays", "new", version="9")
        return recorded(forgotten) if question.parameters["resourceVersion"] == "300" else Answer(lasts=True)

    known: Known = {POOLS: {"stays": "9", "gone": "5"}}
    with playing_answers(answer) as api, watching(api, known) as changes:
        told = next(changes)
        assert (told.at, [key for key, _ in told.items]) == (9, [f"{POOLS}new", f"{POOLS}gone"])
        assert dict(told.items)[f"{POOLS}gone"] is None
        assert known == {POOLS: {"stays": "9", "gone": "5"}}, "not before it was taken over"
        until("the next one is asked for", lambda: len(api.asked) > 2)
    assert api.asked[2].parameters["resourceVersion"] == "9"


def test_what_is_polled_tells_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_rounds, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(poll_rounds, "LONGEST_PAUSE", 0.02)
    answers = [page("a", "b", version="1"), page("a", "b", version="1"), page("a", version="1")]
    polled = FollowedKind(POOLS, PATH, cached=True, polled=True)

    def answer(_: Question) -> Answer:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with playing_answers(answer) as api, watching(api, {POOLS: {"a": "1"}}, polled) as changes:
        assert [[key for key, _ in next(changes).items] for _ in range(3)] == [[f"{POOLS}b"], [], [f"{POOLS}b"]]
    assert api.asked[0].parameters == {"resourceVersion": "0"}


NODE_KIND = FollowedKind(NODES, "/api/v1/nodes", cached=True, polled=True)


def test_nodes_of_a_large_cluster_are_listed_when_something_hangs_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_rounds, "LONGEST_PAUSE", 3600.0)
    monkeypatch.setattr(poll_rounds, "SHORTEST_PAUSE", 3600.0)
    rounds = PollRounds()
    asked_for = rounds.begin(5000)  # all was just read
    with (
        playing_answers(lambda _: page("node-1", "node-2")) as api,
        watching(api, {NODES: {"node-1": "9"}}, NODE_KIND, rounds=rounds) as changes,
    ):
        rounds.want(asked_for + 0.0001)
        assert [key for key, _ in next(changes).items] == [f"{NODES}node-2"]
        assert rounds.taken == math.inf, "that one is being told"
        rounds.want(asked_for)  # one was begun afterwards
        rounds.want(again := time.monotonic())
        assert next(changes).items == ()
        assert asked_for < rounds.taken < again
        assert len(api.asked) == 2


def test_a_round_is_without_nodes_while_their_time_has_not_come() -> None:
    rounds = PollRounds()
    assert rounds.with_nodes(5000) is not None
    assert rounds.with_nodes(5000) is None
    rounds.want(time.monotonic())
    assert rounds.with_nodes(5000) is not None
    assert rounds.with_nodes(5000) is None
    assert rounds.with_nodes(100) is None
    assert rounds.begin(100) > 0
    assert rounds.with_nodes(100) is not None, "of a small cluster they are in every round"


def test_the_time_between_lists_grows_with_the_cluster() -> None:
    for nodes, shortest in ((51, 0.0), (750, 0.0), (5000, 200.0), (100_000, 300.0)):
        pauses = [poll_rounds.pause_between(nodes) for _ in range(50)]
        assert shortest <= min(pauses) <= max(pauses) <= 2 * shortest


def test_a_kind_that_the_api_does_not_have_is_asked_for_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_ABSENT_SECONDS", 0.01)
    answers = [recorded("crd-missing"), recorded("crd-missing"), page("a")]

    def answer(question: Question) -> Answer:
        return Answer(lasts=True) if "watch" in question.parameters else answers.pop(0)

    with playing_answers(answer) as api, watching(api, {}, start=0) as changes:
        assert [key for key, _ in next(changes).items] == [f"{POOLS}a"]
        assert not any(question.parameters.get("resourceVersion") == "0" for question in api.asked)


def test_resources_that_are_gone_end_the_watch() -> None:
    """As when they are moved to the other group: that is found out with a new connection."""
    with playing_answers(lambda _: recorded("crd-missing")) as api, watching(api, {POOLS: {"a": "1"}}) as changes:
        with pytest.raises(DatastoreError) as error:
            next(changes)
        assert error.value.code == "absent"


def test_a_watch_that_is_cancelled_ends_and_says_so() -> None:
    with playing_answers(lambda _: Answer(lasts=True)) as api, watching(api, {}) as changes:
        pass
    with pytest.raises(DatastoreError) as error:
        next(changes)
    assert error.value.code == "closed"


def test_which_group_counts() -> None:
    both = frozenset({"crd.projectcalico.org", "projectcalico.org", "apps"})
    assert group_of(both) == "crd.projectcalico.org"
    assert group_of(both, "projectcalico.org") == "projectcalico.org"
    assert group_of(frozenset({"crd.projectcalico.org"}), "projectcalico.org") == "crd.projectcalico.org"
    assert group_of(frozenset({"projectcalico.org"})) == "projectcalico.org"
    assert group_of(frozenset({"apps"})) is None


def test_of_a_small_cluster_all_is_watched_and_of_a_large_one_affinities() -> None:
    small, large = (kinds_of(V1, large=large, pod_cidrs=False) for large in (False, True))
    assert not any(kind.polled for kind in small)
    assert [kind.prefix for kind in large if not kind.polled] == ["blockaffinities/"]
    assert {kind.prefix for kind in small} - {kind.prefix for kind in large} == {"ipamblocks/"}
    assert all("PartialObjectMetadata" in kind.listed_as for kind in (*small, *large) if kind.prefix == "nodes/")


def test_with_host_local_ipam_nodes_are_read_whole_and_nothing_of_ipam() -> None:
    found = {kind.prefix: kind for kind in kinds_of(V1, large=False, pod_cidrs=True)}
    assert "PartialObjectMetadata" not in found["nodes/"].listed_as
    assert not {"ipamblocks/", "blockaffinities/"} & set(found)
