"""Whether the wanted image has to be fetched now, and whether a new container has to wait for it.

The container that runs never waits: only what would be made from the image does.
"""

from dataclasses import dataclass
from datetime import datetime

from calico_agent.model.container.container import ContainerSpec, Docker
from calico_agent.model.container.image import Pull, PullPolicy, is_pinned
from calico_agent.model.container.rollout import is_made_from, parts_of, refused
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.backoff import delay


@dataclass(frozen=True, slots=True)
class ImageStep:
    """`pull` is the reference whose fetching should be under way now, empty for none.

    `missing`: no container can be made yet, and `doing` says what is waited for; `next_attempt` is when the fetching is
    tried again.
    """

    pull: str = ""
    missing: bool = False
    doing: str = ""
    next_attempt: datetime | None = None


def plan_image(
    docker: Docker, spec: ContainerSpec, pull: Pull | None, settings: SuperviseSettings, now: datetime
) -> ImageStep:
    """Return what to do about the image of `spec`. `pull` is the last fetching that was tried, of whatever image."""
    here = docker.image is not None and docker.image.reference == spec.image
    pull = pull if pull is not None and pull.reference == spec.image else None
    if not _wanted(docker, spec, pull, settings.pull, here=here):
        missing = not here and settings.pull is PullPolicy.NEVER and not _made(docker, spec, settings.pull)
        return ImageStep(missing=missing, doing=_absent(spec.image) if missing else "")
    if pull is None or pull.goes_on:
        return ImageStep(spec.image, True, f"{spec.image} is being pulled")
    # No jitter: how long the failed tries took, differs from host to host.
    wait = delay(max(0, pull.failures - 1), initial=settings.backoff_initial, longest=settings.backoff_max, jitter=0.0)
    due = min(pull.ended_at or now, now) + wait
    # What is here is used while the registry says nothing.
    doing = "" if here else f"{spec.image} could not be pulled: {pull.error or 'it is gone again'}"
    if due <= now:
        return ImageStep(spec.image, not here, doing)
    return ImageStep("", not here, doing, due)


def _wanted(docker: Docker, spec: ContainerSpec, pull: Pull | None, policy: PullPolicy, *, here: bool) -> bool:
    if policy is PullPolicy.NEVER:
        return False
    if policy is PullPolicy.ALWAYS and not (here and is_pinned(spec.image)):
        return pull is None or pull.goes_on or bool(pull.error)
    return not here and not _made(docker, spec, policy)


def _made(docker: Docker, spec: ContainerSpec, policy: PullPolicy) -> bool:
    """Whether no other container will be made of the image: there is one, or it was tried and refused."""
    parts = parts_of(docker, spec.name)
    made = [part for part in (parts.current, parts.next) if part is not None]
    if any(is_made_from(part, spec, docker, policy) for part in made):
        return True
    return parts.current is not None and refused(docker, spec, policy) is not None


def _absent(image: str) -> str:
    return f'image {image} is not on this host, and [node] pull = "never"; bring it with: docker pull {image}'
