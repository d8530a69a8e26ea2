"""What a reload would do: the keys that change, and what becomes of each kind of container."""

from dataclasses import replace

import msgspec
import pytest

from calico_agent.config.schema import Config
from calico_agent.config.show import told_beside, told_config
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, ContainerState
from calico_agent.model.container.supervision import DesiredContainer, Succession
from calico_agent.model.settings import DriftPolicy, Mode, SuperviseSettings
from calico_agent.report.pages.config_diff import Outlook, changed_keys, container_effect
from tests.model.container.test_drift import SAME, SPEC

OURS = replace(SAME, labels=((LABEL_MANAGED_BY, MANAGED_BY),))
RESTARTED = replace(OURS, restart_policy="always")
WANTED = DesiredContainer(SPEC)
USUAL = SuperviseSettings()


def test_no_key_changes() -> None:
    assert changed_keys({"mode": '"observe"'}, {"mode": '"observe"'}).changes is False


def test_keys_that_change_are_listed_and_what_needs_a_restart_is_said() -> None:
    effect = changed_keys(
        {"node.cpu_shares": "0", "http.listen": '"a:1"', "node.env.A": '"1"'},
        {"node.cpu_shares": "300", "http.listen": '"b:1"', "node.env.B": '"2"'},
    )
    assert effect.changes
    assert effect.lines == (
        "the configuration: 4 keys would change",
        "  node.cpu_shares: 0 becomes 300",
        '  http.listen: "a:1" becomes "b:1" (only with a restart of calico-agent)',
        '  node.env.A: "1" becomes not set',
        '  node.env.B: not set becomes "2"',
    )


CASES: dict[str, tuple[Outlook, SuperviseSettings, str, bool]] = {
    "the same": (Outlook(WANTED, OURS), USUAL, "calico-node is kept as it is", False),
    "another image": (
        Outlook(WANTED, OURS, ("image is a, wanted b",)),
        USUAL,
        "calico-node would be replaced, the old one kept until the new one is ready\n  image is a, wanted b",
        True,
    ),
    "what differs is only reported": (
        Outlook(WANTED, OURS, ("image is a, wanted b",)),
        replace(USUAL, on_drift=DriftPolicy.REPORT),
        'calico-node is kept, and what differs reported (on_drift = "report")\n  image is a, wanted b',
        True,
    ),
    "a restart policy": (
        Outlook(WANTED, RESTARTED, ("restart policy is always, wanted no",)),
        USUAL,
        "calico-node would be updated without a restart\n  restart policy is always, wanted no",
        True,
    ),
    "none": (Outlook(WANTED, None), USUAL, "would be made from calico/node:v3.31.7", True),
    "somebody else's": (
        Outlook(WANTED, SAME, ("IP is a, wanted b",)),
        USUAL,
        "calico-node is not calico-agent's: it would be left alone\n  IP is a, wanted b",
        True,
    ),
    "somebody else's, with leave": (
        Outlook(WANTED, SAME),
        replace(USUAL, take_over=True),
        "calico-node is not calico-agent's: it would be replaced (supervise.take_over)",
        True,
    ),
    "somebody else's that has ended": (
        Outlook(WANTED, replace(SAME, state=ContainerState.EXITED)),
        USUAL,
        "calico-node is not calico-agent's and does not run: it would be set aside, and one be made",
        True,
    ),
    "a guard": (
        Outlook(DesiredContainer(SPEC, refused="node host2 has the name", succession=Succession(barred="x")), None),
        USUAL,
        "would be made from calico/node:v3.31.7\n  not now: node host2 has the name\n  not now: x",
        True,
    ),
    "no identity": (
        Outlook(DesiredContainer(None, "no address"), OURS),
        USUAL,
        "none would be started: no address",
        True,
    ),
    "no Docker": (
        Outlook(WANTED, None, unreadable="dockerd hangs"),
        USUAL,
        "cannot tell what becomes of it: dockerd hangs",
        True,
    ),
}


@pytest.mark.parametrize(("outlook", "settings", "words", "changes"), CASES.values(), ids=CASES)
def test_what_becomes_of_the_container(
    outlook: Outlook, settings: SuperviseSettings, words: str, changes: bool
) -> None:
    effect = container_effect(outlook, Mode.SUPERVISE, settings)
    assert ("\n".join(effect.lines), effect.changes) == (f"the container: {words}", changes)


def test_who_only_observes_touches_nothing() -> None:
    effect = container_effect(Outlook(WANTED, OURS, ("x",)), Mode.OBSERVE, USUAL)
    assert effect.lines == ("the container: is not touched (mode observe)",)
    assert not effect.changes


def test_a_value_that_is_not_shown_changes_all_the_same() -> None:
    one, other = (
        msgspec.convert({"node": {"env": {"HTTP_PROXY": f"http://me:{word}@p:1"}}}, Config) for word in ("a", "b")
    )
    (_, line) = changed_keys(told_config(one), told_beside(other, one)).lines
    assert line == '  node.env.HTTP_PROXY: "(not shown)" becomes "(not shown)", another one'
    assert not changed_keys(told_config(one), told_beside(one, one)).changes
