"""docs/reference/ says what the code says: each page is what it would be if it were made now."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from ipaddress import ip_interface
from pathlib import Path

import pytest

from calico_agent.config.schema import Config, IdentitySection
from calico_agent.faults.preflight.kernel import HOST_CLOCK
from calico_agent.model.configuration import Configuration
from calico_agent.model.container.image import Pull
from calico_agent.model.host.claimant import Machine
from calico_agent.model.identity import AddressChoice, KeptAddress, LostAddress
from calico_agent.model.maintenance import Deed, Maintenance, Order, Pause
from calico_agent.model.name_lease import AliveSign, NameLease, NameOwner
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.report import Report, Supervision
from calico_agent.report import as_metrics
from calico_agent.report.as_json import render_json
from tests.captures import CAPTURES
from tests.reference.blocks import renewed
from tests.reference.configuration import sentences
from tests.reference.pages import COMMAND, DOCS, FOLDER, PAGES
from tests.reference.status_fields import FIELDS
from tests.replay.judge import report_capture
from tests.reports import NOW, blind_report, broken_report

TYPES = {
    "string": {"str"},
    "time": {"str"},
    "boolean": {"bool"},
    "integer": {"int"},
    "number": {"int", "float"},
    "object": {"dict"},
}
CLAIMANT = Machine("0" * 32, hostname="host1", address="10.77.0.11")


@pytest.mark.parametrize(("name", "render"), PAGES.items(), ids=PAGES.keys())
def test_a_page_is_what_the_code_says(name: str, render: Callable[[], str]) -> None:
    assert (FOLDER / name).read_text() == render(), f"renew it by `{COMMAND}`"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_a_block_of_a_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == renewed(path.read_text()), f"renew it by `{COMMAND}`"


def test_there_is_no_page_that_nobody_makes() -> None:
    measured = {"campaign.md"}  # by tests/campaign, on a lab
    assert {path.name for path in FOLDER.iterdir()} - measured == set(PAGES)


def test_no_metric_is_made_of_which_the_page_says_nothing() -> None:
    named = re.findall(r'_(?:gauge|labelled)\(\s*"(\w+)"', inspect.getsource(as_metrics))
    page = (FOLDER / "metrics.md").read_text()
    assert len(named) > 20
    assert [name for name in named if f"`calico_agent_{name}`" not in page] == []


def test_the_annotated_configuration_says_something_of_each_key() -> None:
    assert [key for key, text in sentences().items() if not text] == []


def reports() -> Iterator[Report]:
    """Reports that have every field between them: recorded hosts, a blind one, and one in the middle of everything."""
    yield blind_report()
    yield report_capture(CAPTURES / "docker-bridge-address", "host1")
    yield report_capture(CAPTURES / "name-kept-in-nodename-file", "host1")
    dual = report_capture(CAPTURES / "dual-stack", "host1", Config(identity=IdentitySection(ipv6="auto")))
    yield replace(dual, identity=replace(dual.identity, ipv4=lost(dual.identity.ipv4), ipv6=lost(dual.identity.ipv6)))
    yield replace(
        broken_report(),
        claim=NameLease(NameOwner("host1", CLAIMANT, NOW, "{}"), AliveSign("host1", CLAIMANT)),
        configuration=Configuration(NOW, refused=("[log] level is not a level",)),
        supervision=Supervision(pull=Pull("calico/node:v3.31.7", NOW)),
        maintenance=Maintenance(Pause("alice", "disk", NOW), Order("0af1", Deed.RESTART, "alice")),
        checks=(Check(HOST_CLOCK, Verdict.WARNING, "the clock goes wrong"),),
    )


def lost(choice: AddressChoice) -> AddressChoice:
    """The same choice where the one before it is gone."""
    kept = KeptAddress(ip_interface("10.77.0.9/24"), "eth1", "last choice", NOW)
    return replace(choice, lost=LostAddress(kept, "is on no link any more"))


@cache
def found() -> dict[str, set[str]]:
    """Every path of their documents, with the types that its values have."""
    paths: dict[str, set[str]] = {}
    for report in reports():
        for path, kind in leaves(render_json(report, stuck=["its loop stands still"])):
            paths.setdefault(path, set()).add(kind)
    return paths


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The paths below a value, as `FIELDS` writes them, and the type of each."""
    if isinstance(value, list):
        for element in value:
            yield from leaves(element, f"{path}[]")
        return
    if path:
        yield path, "null" if value is None else type(value).__name__
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)


def test_every_field_of_the_report_is_told_and_no_other() -> None:
    assert set(found()) == {one.path for one in FIELDS}, "tell it in tests/reference/status_fields.py"


def test_a_field_has_no_value_but_those_of_its_type() -> None:
    others = {
        field.path: kinds - TYPES[field.type] - ({"null"} if field.nullable else set())
        for field in FIELDS
        for kinds in [found()[field.path]]
    }
    assert {path: kinds for path, kinds in others.items() if kinds} == {}
