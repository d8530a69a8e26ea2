"""When the image is fetched, and what waits for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.action import CreateContainer, ReplaceContainer, StartContainer
from calico_agent.model.container.container import Container, ContainerSpec, Docker
from calico_agent.model.container.image import LocalImage, Pull, PullPolicy
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan
from calico_agent.plan.remediation import plan_supervision
from tests.plan.test_rollout import EXITED, HELD, MOVED, NEW, NOW, REFUSED, SETTINGS, new, old

PINNED = replace(NEW, image="calico/node@sha256:" + 64 * "a")
GOING_ON = Pull(NEW.image, NOW, layers=7, layers_done=3, fetched=41_000_000, size=120_000_000)
DONE = Pull(NEW.image, NOW, NOW)
FAILED = Pull(NEW.image, NOW, NOW, "manifest unknown", failures=1)
OTHER = Pull(PINNED.image, NOW, NOW, "manifest unknown", failures=9)
NOBODY, RUNNING_OLD, RUNNING_NEW = (), (old(),), (new(),)
MISSING, NEVER, ALWAYS = PullPolicy


def plan(
    containers: tuple[Container, ...], policy: PullPolicy, pull: Pull | None, *, here: bool, spec: ContainerSpec = NEW
) -> Plan:
    image = LocalImage(spec.image, f"sha256:{spec.image}") if here else None
    return plan_supervision(
        Docker(containers=containers, image=image),
        DesiredContainer(spec),
        HELD.get(spec.hash, Attempts()),
        replace(SETTINGS, pull=policy),
        pull=pull,
        now=NOW,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )


# Containers, policy, the last fetching, whether the image is here -> the image to fetch, and what is done.
CASES: dict[str, tuple[tuple[Container, ...], PullPolicy, Pull | None, bool, str, type | None]] = {
    "here": (NOBODY, MISSING, None, True, "", CreateContainer),
    "here, another runs": (RUNNING_OLD, MISSING, None, True, "", ReplaceContainer),
    "missing": (NOBODY, MISSING, None, False, NEW.image, None),
    "missing, and being fetched": (NOBODY, MISSING, GOING_ON, False, NEW.image, None),
    "missing, another runs on": (RUNNING_OLD, MISSING, None, False, NEW.image, None),
    "missing, and failed just now": (NOBODY, MISSING, FAILED, False, "", None),
    "missing, and failed a while ago": (
        NOBODY, MISSING, replace(FAILED, ended_at=NOW - timedelta(seconds=1)), False, NEW.image, None,
    ),
    "missing, and failed for the third time a while ago": (
        NOBODY, MISSING, replace(FAILED, failures=3, ended_at=NOW - timedelta(seconds=3)), False, "", None,
    ),
    "missing, and another image failed": (NOBODY, MISSING, OTHER, False, NEW.image, None),
    "brought by somebody after it failed": (NOBODY, MISSING, FAILED, True, "", CreateContainer),
    "gone, after the container was made": (RUNNING_NEW, MISSING, None, False, "", None),
    "gone, and the container ended": ((new(state=EXITED),), MISSING, None, False, "", StartContainer),
    "missing, and the old one ended": ((old(state=EXITED),), MISSING, None, False, NEW.image, StartContainer),
    "gone, and refused": ((old(), new(REFUSED, EXITED)), MISSING, None, False, "", None),
    "never, missing": (NOBODY, NEVER, None, False, "", None),
    "never, missing, another runs on": (RUNNING_OLD, NEVER, None, False, "", None),
    "never, here": (NOBODY, NEVER, None, True, "", CreateContainer),
    "always, not asked yet": (NOBODY, ALWAYS, None, True, NEW.image, None),
    "always, not asked yet, it runs": (RUNNING_NEW, ALWAYS, None, True, NEW.image, None),
    "always, asked": (NOBODY, ALWAYS, DONE, True, "", CreateContainer),
    "always, the registry does not answer, and it is here": (NOBODY, ALWAYS, FAILED, True, "", CreateContainer),
    "always, the registry does not answer, and it is missing": (NOBODY, ALWAYS, FAILED, False, "", None),
}  # fmt: skip


@pytest.mark.parametrize(("containers", "policy", "pull", "here", "fetch", "action"), CASES.values(), ids=CASES.keys())
def test_the_image(
    containers: tuple[Container, ...],
    policy: PullPolicy,
    pull: Pull | None,
    here: bool,
    fetch: str,
    action: type | None,
) -> None:
    found = plan(containers, policy, pull, here=here)
    assert found.pull == fetch
    assert (type(found.action) if found.action else None) is action


def test_a_digest_that_is_here_is_never_asked_for() -> None:
    assert plan(NOBODY, ALWAYS, None, here=True, spec=PINNED).pull == ""
    assert plan(NOBODY, ALWAYS, None, here=False, spec=PINNED).pull == PINNED.image


def test_one_of_another_address_is_not_started_while_the_image_is_missing() -> None:
    found = plan((old(state=EXITED),), MISSING, None, here=False, spec=MOVED)
    assert found.action is None


def test_what_is_waited_for_is_told() -> None:
    assert plan(NOBODY, MISSING, GOING_ON, here=False).doing == (
        f"waiting to create calico-node: {NEW.image} is being pulled"
    )
    failed = plan(RUNNING_OLD, MISSING, FAILED, here=False)
    assert failed.doing.endswith(f"{NEW.image} could not be pulled: manifest unknown")
    assert failed.next_attempt == NOW + timedelta(seconds=1)
    assert '[node] pull = "never"' in plan(NOBODY, NEVER, None, here=False).doing


def test_while_docker_does_not_answer_a_fetching_is_let_alone() -> None:
    assert plan(NOBODY, MISSING, GOING_ON, here=False).pull == NEW.image
    unknown = plan_supervision(
        Docker(), DesiredContainer(None, "no address"), Attempts(), SETTINGS, now=NOW, hold_down=timedelta(0), jitter=0
    )
    assert unknown.pull is None


def test_a_pull_that_failed_in_what_is_now_the_future_is_tried_again_after_its_wait() -> None:
    """The clock was set back: nobody waits for hours."""
    ahead = Pull(NEW.image, NOW, NOW + timedelta(hours=9), "no route to host", failures=1)
    waiting = plan(NOBODY, MISSING, ahead, here=False)
    assert waiting.next_attempt is not None
    assert waiting.next_attempt <= NOW + SETTINGS.backoff_max
