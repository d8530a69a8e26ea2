"""How the image and a replacement go: an image that cannot be had, and a container that was taken back.

Only in mode `supervise`, like all that is about what the agent wants.
"""

import re
from collections.abc import Iterator

from calico_agent.expected.view import View
from calico_agent.faults.node.supervision import SV_IMAGE, SV_ROLLED_BACK
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.image import PullPolicy
from calico_agent.model.container.rollout import is_made_from, refused
from calico_agent.model.container.supervision import Supervising
from calico_agent.model.finding import Finding, Severity

_NOT_ALLOWED = re.compile(r"unauthorized|denied|authentication required|no basic auth|forbidden", re.IGNORECASE)
_NOT_THERE = re.compile(r"not found|manifest unknown|unknown blob|invalid reference", re.IGNORECASE)

_LONGEST_QUOTE = 200


def find_rollout(view: View) -> Iterator[Finding]:
    """Yield what keeps the wanted container from being made, or from staying."""
    docker, supervising = view.observation.docker, view.supervising
    if not isinstance(docker, Docker) or supervising is None or supervising.spec is None:
        return
    yield from _image(view, docker, supervising)
    container, policy = view.local.container, supervising.settings.pull
    taken_back = refused(docker, supervising.spec, policy)
    # Where it is itself what runs, or all that is left, nobody went back to anything.
    if taken_back and container and not is_made_from(container, supervising.spec, docker, policy):
        yield _rolled_back(view, container, taken_back, supervising)


def _image(view: View, docker: Docker, supervising: Supervising) -> Iterator[Finding]:
    """Nothing while a fetching gets on, and nothing where the image is not needed."""
    spec, policy, pull = supervising.spec, supervising.settings.pull, view.observation.pull
    if spec is None:
        return
    here = docker.image is not None and docker.image.reference == spec.image
    made = any(is_made_from(found, spec, docker, policy) for found in docker.containers)
    failed = pull.error if pull is not None and pull.reference == spec.image else ""
    if policy is PullPolicy.NEVER and not here and not made:
        why = '[node] pull = "never": somebody else has to bring it'
        yield _no_image(view, spec.image, f"image {spec.image} is not on this host", why, f"docker pull {spec.image}")
    elif failed and policy is PullPolicy.ALWAYS and here:
        what = f"whether there is a newer image {spec.image} is not known: the registry cannot be asked"
        yield _no_image(view, spec.image, what, failed, _cure(spec.image, failed), effect="what is here is used")
    elif failed and policy is not PullPolicy.NEVER and not here and not made:
        what = f"image {spec.image} cannot be pulled"
        yield _no_image(view, spec.image, what, failed, _cure(spec.image, failed))


def _no_image(view: View, image: str, what: str, why: str, cure: str, *, effect: str = "") -> Finding:
    container = view.local.container
    running = container is not None and container.running
    if not effect:
        effect = "the container of before goes on running" if running else "calico/node does not run here"
    severity = Severity.WARNING if running else Severity.ERROR
    return SV_IMAGE.finding(image, what, why=why, effect=effect, cure=cure, node=view.me, severity=severity)


def _cure(image: str, reason: str) -> str:
    if _NOT_ALLOWED.search(reason):
        registry = image.partition("/")[0] if "/" in image and re.search(r"[.:]", image.partition("/")[0]) else ""
        login = f"docker login {registry}".strip()
        return f"{login} as the user calico-agent runs as (the file is [docker] credentials); it tries again by itself"
    if _NOT_THERE.search(reason):
        return "correct [node] image; calico-agent tries again by itself"
    return f"docker pull {image} on this host shows the same; calico-agent tries again by itself"


def _rolled_back(view: View, container: Container, taken_back: Container, supervising: Supervising) -> Finding:
    hint = taken_back.log_hint
    last = next((line.strip() for line in reversed(taken_back.log_tail) if line.strip()), "")
    evidence = f"its log: {hint.line}" if hint else f"the last line of its log: {last[:_LONGEST_QUOTE]}" if last else ""
    reasons = (supervising.attempts.refusal, hint.sentence if hint else "", evidence)
    same = " (same image, other settings)" if container.image == taken_back.image else ""
    return SV_ROLLED_BACK.finding(
        container.name,
        f"container {container.name} runs as before, with {container.image}: "
        f"its successor from {taken_back.image}{same} did not get ready and was taken back",
        why="; ".join(reason for reason in reasons if reason),
        effect="calico/node works, but not as configured; it is not tried again while that stays so",
        cure=f"docker logs {taken_back.name}; then correct the configuration, "
        f"or try the same again with: docker rm {taken_back.name}",
        node=view.me,
    )
