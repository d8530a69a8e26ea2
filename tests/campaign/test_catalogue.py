"""The catalogue is whole, and its page renders. The lab itself is for `make campaign`."""

from collections import Counter
from inspect import getsource, isgeneratorfunction

import pytest

from calico_agent.faults.registry import FAULTS as CODES
from tests.campaign.catalogue import FAULTS, can_be_together, named, pairs
from tests.campaign.fault import LabFault
from tests.campaign.outcome import Expectation, Outcome
from tests.campaign.page import rendered
from tests.lab.options import Options


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_names_codes_that_exist_a_host_of_the_lab_and_what_is_done(fault: LabFault) -> None:
    assert fault.roots <= CODES.keys()
    assert fault.host in Options().names
    assert fault.does.endswith(".")
    assert fault.touches
    assert isgeneratorfunction(fault.deed)
    assert getsource(fault.deed).count("yield\n") == 1


def test_each_fault_has_a_name_of_its_own() -> None:
    assert {name: times for name, times in Counter(fault.name for fault in FAULTS).items() if times > 1} == {}


def test_one_that_is_not_there_is_told() -> None:
    assert [fault.name for fault in named(["etcd-stopped"])] == ["etcd-stopped"]
    with pytest.raises(ValueError, match="no fault nonsense"):
        named(["nonsense", "etcd-stopped"])


def test_the_same_seed_draws_the_same_pairs_and_none_touches_what_the_other_does() -> None:
    drawn = pairs(40, 7)
    assert len(drawn) == 40
    assert drawn == pairs(40, 7)
    assert drawn != pairs(40, 8)
    assert all(can_be_together(*pair) for pair in drawn)


ROOT = Expectation("route-foreign", "host1", ("RT-FOREIGN",))


def outcome(*said: str, first: str = "", expected: tuple[Expectation, ...] = (ROOT,), error: str = "") -> Outcome:
    ever = (first, *said) if first else said
    told = {"host1": tuple(said), "host2": ("BGP-DOWN host1",)}
    return Outcome("one", "What.", expected, 0.4, 10.5, told, {**told, "host1": ever}, good_again=3.0, error=error)


@pytest.mark.parametrize(
    ("one", "is_right"),
    [
        (outcome("RT-FOREIGN 192.0.2.0/26"), True),
        (outcome("RT-FOREIGN 192.0.2.0/26", "RT-MISSING 192.0.2.0/26"), True),
        (outcome("RT-MISSING 192.0.2.0/26", "RT-FOREIGN 192.0.2.0/26"), False),
        (outcome("RT-FOREIGN 192.0.2.0/26", first="RT-MISSING 192.0.2.0/26"), False),
        (outcome(), False),
        (outcome("RT-FOREIGN x", error="it was not good before"), False),
        (outcome("RT-FOREIGN x", expected=(ROOT, Expectation("other", "host2", ("SV-EXITED",)))), False),
        (outcome("RT-FOREIGN x", expected=(ROOT, Expectation("other", "host2", ("BGP-DOWN",)))), True),
        (outcome(expected=(Expectation("quiet", "host1", ()),)), False),
        (Outcome("one", "What.", (Expectation("quiet", "host1", ()),)), True),
    ],
)
def test_right_is_a_right_root_that_was_the_first_and_stands_first(one: Outcome, is_right: bool) -> None:
    assert one.right is is_right


def test_a_root_beside_the_right_one_is_counted_where_it_is_known_best_alone() -> None:
    assert outcome("RT-FOREIGN x", "RT-ECMP y").extra == ("RT-ECMP y",)
    assert outcome("RT-FOREIGN x").extra == ()


def test_what_was_measured_comes_back_from_json() -> None:
    one = outcome("RT-FOREIGN x", "RT-ECMP y")
    assert Outcome.of_json(one.as_json()) == one


def test_the_page_tells_what_was_wrong_and_what_could_not_be_measured() -> None:
    quiet = Outcome("calm", "Nothing.", (Expectation("calm", "host1", ()),), good_again=0.0, lost=("host1 route",))
    measured = [outcome("RT-FOREIGN x"), outcome("RT-ECMP y"), outcome(error="no | lab"), quiet]
    page = rendered(measured, faults=9, made="today")
    assert "4 of the catalogue's 9 were run, and 0 pairs; today." in page
    assert "| the right root is the first, of single faults | 1 of 3 |" in page
    assert "| nothing is confirmed of what is no fault | 1 of 1 |" in page
    assert "**1 lost**" in page
    assert "- one: no \\| lab" in page
    widths = {line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| one")}
    assert widths == {15}
