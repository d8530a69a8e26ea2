"""What one pass hands to the next, after somebody asked for something."""

from dataclasses import replace

import pytest

from calico_agent.model.container.supervision import Attempts
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.maintenance import Deed, Order
from calico_agent.runtime.memory import Memory

KNOWN = Memory(attempts=Attempts(starts=3, order="0af0"), kept=KeptIdentity("m", "host1"))
FORGET = Order("0af1", Deed.FORGET, "root")


def test_who_this_host_is_is_forgotten_once() -> None:
    after = KNOWN.after(FORGET)
    assert after == replace(KNOWN, kept=KeptIdentity(), attempts=Attempts(starts=3, order="0af1"))
    again = replace(after, kept=KeptIdentity("m", "edge-9"))
    assert again.after(FORGET) == again, "what is found since is kept"


@pytest.mark.parametrize("order", [None, replace(FORGET, deed=Deed.RESTART)], ids=["nothing asked", "a restart"])
def test_nothing_else_forgets_anything(order: Order | None) -> None:
    assert KNOWN.after(order) == KNOWN
