"""The shipped dashboards: all in them is in Grafana's schema, they ask for what there is, and lead to the documents."""

import json
import re
import tomllib
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from calico_agent.faults.registry import FAULTS
from tests.places import REPOSITORY
from tests.prometheus.expressions import DASHBOARDS, RULES, of_dashboards, of_rules

MOST_PANELS = 12
EACH = pytest.mark.parametrize("name", DASHBOARDS)


def asked(expression: str) -> set[str]:
    """The metrics of the agent in an expression; recorded ones have a colon."""
    return set(re.findall(r"(?<![:\w])calico_agent_\w+\b(?!:)", expression))


@EACH
def test_all_of_it_is_in_the_schema(name: str) -> None:
    register_default_plugins()
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARDS[name])))
    assert list(unknown(DASHBOARDS[name], known, name)) == []


def unknown(given: Any, known: Any, place: str) -> list[str]:
    """Where something was given that did not come back."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            where
            for key, value in given.items()
            for where in (unknown(value, known[key], f"{place}.{key}") if key in known else [f"{place}.{key}"])
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        pairs = enumerate(zip(given, known, strict=True))
        return [where for number, (one, other) in pairs for where in unknown(one, other, f"{place}.{number}")]
    return [] if given == known else [place]


def test_a_word_that_is_not_in_the_schema_is_noticed() -> None:
    register_default_plugins()
    wrong = json.loads(json.dumps(DASHBOARDS["host.json"]))
    wrong["panels"][0]["fieldConfig"]["defaults"]["treshold"] = 1
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(wrong)))
    assert unknown(wrong, known, "") == [".panels.0.fieldConfig.defaults.treshold"]


def test_a_metric_that_is_asked_for_is_on_the_page_of_metrics() -> None:
    page = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    every = {**of_dashboards("host1"), **of_rules(RULES.read_text())}
    names = {metric.removesuffix("_bucket") for expression in every.values() for metric in asked(expression)}
    assert len(names) > 20
    assert [metric for metric in sorted(names) if f"`{metric}`" not in page] == []


@EACH
def test_panels_are_few_do_not_overlap_and_each_has_a_unit_and_a_title(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len(panels) <= MOST_PANELS
    assert len({panel["id"] for panel in panels}) == len(panels) == len({panel["title"] for panel in panels})
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not covered & cells
        assert place["x"] + place["w"] <= 24
        covered |= cells
        if panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@EACH
def test_its_variables_are_asked_for_and_are_there(name: str) -> None:
    dashboard = DASHBOARDS[name]
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(dashboard)))
    assert used == declared


@EACH
def test_its_links_lead_to_pages_and_dashboards_that_there_are(name: str) -> None:
    dashboard = DASHBOARDS[name]
    site = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]["Documentation"]
    (docs,) = [one for one in dashboard["templating"]["list"] if one["name"] == "docs"]
    assert docs["query"] == docs["current"]["value"] == site
    links = set(re.findall(r'"url": "([^"]+)"', json.dumps(dashboard)))
    pages = {link.removeprefix("${docs:raw}/") for link in links if link.startswith("${docs:raw}/")}
    assert pages == {"on-call.html", "reference/codes.html#${__value.raw}"}
    uids = {one["uid"] for one in DASHBOARDS.values()}
    assert {link.split("/")[2].partition("?")[0] for link in links if link.startswith("/d/")} <= uids


def test_a_code_is_an_anchor_as_it_is_written() -> None:
    """Grafana cannot make small letters of it."""
    page = (REPOSITORY / "docs" / "reference" / "codes.md").read_text()
    assert {code for code in FAULTS if f'<a id="{code}"></a>' not in page} == set()
