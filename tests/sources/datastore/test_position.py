"""From where a watch goes on, by what was listed, heard and asked before it ended."""

import pytest

from calico_agent.sources.datastore.position import Position, Stamp

BLOCKS, NODES = "/blocks/", "/nodes/"


def stamp(revision: int, *, term: int = 3, cluster: str = "one") -> Stamp:
    return Stamp(cluster, term, revision)


def position(revision: int = 100) -> Position:
    """Both prefixes are listed as of that revision."""
    return Position(stamp(revision), {BLOCKS: revision, NODES: revision}, settled_after=5.0)


@pytest.mark.parametrize(
    ("later", "same"),
    [
        pytest.param(stamp(100), True, id="nothing happened"),
        pytest.param(stamp(200, term=4), True, id="another leader and more revisions"),
        pytest.param(stamp(99), False, id="an earlier revision: data was lost"),
        pytest.param(stamp(200, term=2), False, id="an earlier term: the disk was put back"),
        pytest.param(stamp(200, cluster="two"), False, id="another cluster: a backup was restored"),
        pytest.param(stamp(200, term=0), True, id="a term that is not known"),
    ],
)
def test_a_watch_goes_on_only_where_the_data_can_be_the_same(later: Stamp, *, same: bool) -> None:
    assert later.follows(stamp(100)) is same


def test_each_prefix_goes_on_after_its_own_last_event() -> None:
    where = position()
    where.heard(BLOCKS, 105, 1.0)
    assert where.watch_from() == {BLOCKS: 106, NODES: 101}


def test_what_etcd_had_counts_as_known_once_the_watch_has_lived_on_in_silence() -> None:
    where = position()
    where.beat(stamp(150), 1.0)
    assert where.watch_from() == {BLOCKS: 101, NODES: 101}, "an event may be on its way"
    where.beat(stamp(150), 1.0)
    where.beat(stamp(160), 6.0)
    assert where.watch_from() == {BLOCKS: 151, NODES: 151}


def test_a_busy_prefix_lets_a_quiet_one_keep_up_when_its_events_are_newer() -> None:
    where = position()
    where.beat(stamp(150), 1.0)
    where.heard(BLOCKS, 151, 3.0)
    where.beat(stamp(160), 6.0)
    assert where.watch_from() == {BLOCKS: 152, NODES: 151}


def test_while_events_are_late_nothing_counts_as_known() -> None:
    where = position()
    where.beat(stamp(150), 1.0)
    where.heard(BLOCKS, 120, 3.0)
    where.beat(stamp(160), 6.0)
    assert where.watch_from() == {BLOCKS: 121, NODES: 101}


def test_what_was_asked_during_an_earlier_watch_says_nothing_about_this_one() -> None:
    where = position()
    where.beat(stamp(150), 1.0)
    where.watch_from()
    where.beat(stamp(170), 60.0)
    assert where.watch_from() == {BLOCKS: 101, NODES: 101}
