"""The causes that the faults declare are those of the table that they replace, in its order.

`before.json` is that table: for each effect the scope, the writer where the effect is a route, and the causes.
"""

import json
from itertools import groupby
from pathlib import Path

import pytest

from calico_agent.faults.registry import FAULTS
from calico_agent.model.finding import Area, Fault

BEFORE: dict[str, list[list[str]]] = json.loads(Path(__file__).with_name("before.json").read_text())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_explained_by_what_explained_it_before(fault: Fault) -> None:
    rows = [
        (
            f"{causes.scope.name} {causes.writer.value if causes.writer and fault.area is Area.ROUTES else ''}".strip(),
            one,
        )
        for causes in fault.causes
        for one in causes.faults
    ]
    grouped = [[scope, *(one.code for _, one in group)] for scope, group in groupby(rows, key=lambda row: row[0])]
    assert grouped == BEFORE.get(fault.code, [])
