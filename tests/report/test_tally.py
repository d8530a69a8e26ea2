"""What is counted of the agent's own work."""

from calico_agent.model.container.action import KINDS, Action
from calico_agent.model.unreadable import Unreadable
from calico_agent.report.tally import LIMITS, SOURCES, TRIGGERS, Tally


def test_a_pass_counts_by_its_duration() -> None:
    tally = Tally()
    for seconds in (0.003, LIMITS[0], 0.04, 3600.0):
        tally = tally.after_pass(seconds, ())
    assert tally.durations[0] == 2, "a limit is kept by what takes just as long"
    assert tally.durations[2] == 1
    assert tally.durations[-1] == 1
    assert sum(tally.durations) == 4
    assert tally.seconds == 0.003 + LIMITS[0] + 0.04 + 3600.0


def test_a_pass_counts_once_for_each_that_woke_it() -> None:
    tally = Tally().after_waking(("netlink: route changed", "netlink: link changed", "docker: answers again"))
    assert {trigger: number for trigger, number in tally.woken.items() if number} == {"netlink": 1, "docker": 1}


def test_each_word_that_wakes_has_a_trigger_of_few() -> None:
    words = {
        "start": "start",
        "interval": "interval",
        "etcd changed": "datastore",
        "the Kubernetes API lost": "datastore",
        "neighbour 10.77.0.12 does not answer": "neighbour",
        "image pull": "image_pull",
        "name claim": "name_claim",
        "reload": "reload",
        "something new": "other",
    }
    for word, trigger in words.items():
        assert Tally().after_waking((word,)).woken[trigger] == 1
    assert set(Tally().after_waking(words).woken) == set(TRIGGERS)


def test_a_source_that_cannot_be_read_counts_by_its_name() -> None:
    unread = (Unreadable("Docker", "no socket"), Unreadable("BIRD (IPv6)", "hangs"), Unreadable("nft", "no such"))
    tally = Tally().after_pass(0.01, unread).after_pass(0.01, ())
    assert {source: number for source, number in tally.unread.items() if number} == {
        "docker": 1,
        "bird6": 1,
        "other": 1,
    }
    assert set(tally.unread) == set(SOURCES)


def test_what_was_done_counts_by_kind_and_by_its_end() -> None:
    tally = Tally().after_action("start", done=True).after_action("start", done=False).after_action("start", done=True)
    assert (tally.actions["start", True], tally.actions["start", False]) == (2, 1)
    assert sum(tally.actions.values()) == 3
    assert Tally().after_failure().failed == 1


def test_each_action_has_a_word() -> None:
    assert set(KINDS) == set(Action.__args__)
