"""An image that cannot be had, and a container that was taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.image import LocalImage, Pull, PullPolicy
from calico_agent.model.container.supervision import Attempts
from calico_agent.model.finding import Severity
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import AT, HEALTHY, IDENTITY, contained, findings_of
from tests.checks.container.test_supervision import HINT, OLD, OURS, SPEC, WITHOUT_BIRD, supervising

IMAGE = SPEC.image
HERE = LocalImage(IMAGE, "sha256:" + 64 * "b")
DENIED = "pull access denied for calico/node, repository does not exist or may require 'docker login': denied"
UNKNOWN = "manifest for calico/node:v3.31.7 not found: manifest unknown"
NO_WAY = 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'
NO_CONTAINER = replace(WITHOUT_BIRD, docker=Docker())


def pulled(observation: Observation, error: str, *, image: LocalImage | None = None, **changes: object) -> Observation:
    """With the last fetching of the image, and what of it is here."""
    pull = replace(Pull(IMAGE, AT - timedelta(seconds=9), AT, error, failures=1), **changes)  # type: ignore[arg-type]
    docker = observation.docker
    assert isinstance(docker, Docker)
    return replace(observation, pull=pull, docker=replace(docker, image=image))


def beside(current: Observation, **changes: object) -> Observation:
    """With a container that was refused beside the current one."""
    docker = current.docker
    assert isinstance(docker, Docker)
    made = contained(**OURS, id="refused", name="calico-node-refused", state=ContainerState.EXITED, finished_at=AT)
    assert isinstance(made.docker, Docker)
    refused: Container = replace(made.docker.containers[0], **changes)  # type: ignore[arg-type]
    return replace(current, docker=replace(docker, containers=(*docker.containers, refused)))


OLD_ONE = contained(**{**OURS, "labels": OLD}, image="calico/node:v3.30.0")
CASES = {
    "the registry asks for a password, and nothing runs": Case(
        pulled(NO_CONTAINER, DENIED),
        {f"SV-IMAGE {IMAGE}": {"SV-ABSENT host1", "BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=(DENIED, "docker login", "calico/node does not run here"),
    ),
    "the registry does not have it, and the container of before runs": Case(
        pulled(OLD_ONE, UNKNOWN),
        {f"SV-IMAGE {IMAGE}": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=(UNKNOWN, "correct [node] image", "the container of before goes on running"),
        status={},
    ),
    "there is no way to the registry": Case(
        pulled(OLD_ONE, NO_WAY),
        {f"SV-IMAGE {IMAGE}": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=(NO_WAY, f"docker pull {IMAGE} on this host shows the same"),
    ),
    "while it is tried again, the reason of before is still told": Case(
        pulled(OLD_ONE, UNKNOWN, ended_at=None),
        {f"SV-IMAGE {IMAGE}": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
    ),
    "a first fetching goes on": Case(
        pulled(OLD_ONE, "", ended_at=None),
        {"SV-DRIFT calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
    ),
    "somebody brought it after it failed": Case(
        pulled(contained(**OURS), UNKNOWN, image=HERE), {}, mode=Mode.SUPERVISE, supervising=supervising()
    ),
    "the image is gone, the container that was made of it runs": Case(
        contained(**OURS), {}, mode=Mode.SUPERVISE, supervising=supervising(pull=PullPolicy.NEVER)
    ),
    "nobody brought it, and the agent must not fetch it": Case(
        contained(**{**OURS, "labels": OLD}, image="calico/node:v3.30.0"),
        {f"SV-IMAGE {IMAGE}": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(pull=PullPolicy.NEVER),
        says=('[node] pull = "never"', f"docker pull {IMAGE}"),
    ),
    "whether there is a newer one is not known": Case(
        pulled(contained(**OURS), NO_WAY, image=HERE),
        {f"SV-IMAGE {IMAGE}": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(pull=PullPolicy.ALWAYS),
        says=("the registry cannot be asked", "what is here is used"),
        status={},
    ),
    "there is a newer one": Case(
        pulled(contained(**OURS, image_id="sha256:" + 64 * "a"), "", image=HERE),
        {"SV-DRIFT calico-node": set()},
        mode=Mode.SUPERVISE,
        supervising=supervising(pull=PullPolicy.ALWAYS),
        says=(f"{IMAGE} is now bbbbbbbbbbbb, and it was made from aaaaaaaaaaaa",),
    ),
    "there is a newer one, which does not matter": Case(
        pulled(contained(**OURS, image_id="sha256:" + 64 * "a"), "", image=HERE),
        {},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
    ),
    "the successor was taken back": Case(
        beside(OLD_ONE, log_hint=HINT),
        {"SV-ROLLED-BACK calico-node": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(Attempts(refusal="it was not ready within 60 s: no program runs yet")),
        says=(
            "runs as before, with calico/node:v3.30.0: its successor from calico/node:v3.31.7 did not get ready",
            "it was not ready within 60 s",
            HINT.line,
            "docker logs calico-node-refused",
            "docker rm calico-node-refused",
        ),
        status={},
    ),
    "the successor was taken back, and only its log tells something": Case(
        beside(OLD_ONE, log_tail=("Starting calico/node", "Segmentation fault", "")),
        {"SV-ROLLED-BACK calico-node": {"SV-DRIFT calico-node"}},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
        says=("the last line of its log: Segmentation fault",),
    ),
    "what was taken back is not wanted any more": Case(
        beside(contained(**OURS), labels=OLD), {}, mode=Mode.SUPERVISE, supervising=supervising()
    ),
    "the one that was kept until its successor is ready is no second calico/node": Case(
        beside(contained(**OURS), name="calico-node-previous", labels=OLD),
        {},
        mode=Mode.SUPERVISE,
        supervising=supervising(),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rollout(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("observation", "severity"),
    [(pulled(NO_CONTAINER, UNKNOWN), Severity.ERROR), (pulled(OLD_ONE, UNKNOWN), Severity.WARNING)],
    ids=["nothing runs", "the container of before runs"],
)
def test_an_image_is_missed_more_where_nothing_runs(observation: Observation, severity: Severity) -> None:
    found = findings_of(observation, IDENTITY, Mode.SUPERVISE, supervising())
    assert next(one for one in found if one.code == "SV-IMAGE").severity is severity


def test_nothing_is_said_of_the_image_while_docker_does_not_answer() -> None:
    blind = replace(HEALTHY, docker=Unreadable("Docker", "it hangs", "timeout"), pull=Pull(IMAGE, AT, AT, UNKNOWN, 1))
    found = findings_of(blind, IDENTITY, Mode.SUPERVISE, supervising())
    assert not any(one.code == "SV-IMAGE" for one in found)
