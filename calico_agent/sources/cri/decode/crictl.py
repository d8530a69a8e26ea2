"""What `crictl` prints -> containers of the CRI runtime (cri-api/pkg/apis/runtime/v1/api.proto of kubernetes v1.31)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.pod import LABEL_CONTAINER, LABEL_NAMESPACE, LABEL_POD
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_STATES = {
    "CONTAINER_CREATED": ContainerState.CREATED,
    "CONTAINER_RUNNING": ContainerState.RUNNING,
    "CONTAINER_EXITED": ContainerState.EXITED,
}
_LABELS = (LABEL_POD, LABEL_NAMESPACE, LABEL_CONTAINER)
_RESTARTS = "io.kubernetes.container.restartCount"
_UID = "io.kubernetes.pod.uid"


@dataclass(frozen=True, slots=True)
class CriContainer:
    """One container. `restarts` is how often the kubelet has made it anew; `image` may be the id of one alone."""

    id: str
    state: ContainerState
    image: str
    restarts: int
    labels: tuple[tuple[str, str], ...]
    pod_uid: str
    created: int


@dataclass(frozen=True, slots=True)
class CriState:
    """How far it is: `pid` 0 while it does not run."""

    pid: int = 0
    exit_code: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


def decode_containers(text: str) -> tuple[CriContainer, ...]:
    """`crictl ps --all --output json`, the newest first. Raises Malformed."""
    found = [_container(one) for one in json_object.objects(json_object.parse_object(text.encode()), "containers")]
    known = (one for one in found if one is not None)
    return tuple(sorted(known, key=lambda one: (one.created, one.restarts), reverse=True))


def _container(one: JsonObject) -> CriContainer | None:
    """None for a state of which nothing is known."""
    labels = json_object.section(one, "labels")
    state = _STATES.get(json_object.text(one, "state") or "")
    identity = json_object.text(one, "id")
    if state is None or identity is None:
        return None
    image, metadata = json_object.section(one, "image"), json_object.section(one, "metadata")
    restarts = json_object.section(one, "annotations").get(_RESTARTS, metadata.get("attempt"))
    return CriContainer(
        identity,
        state,
        json_object.text(image, "userSpecifiedImage") or json_object.text(image, "image") or "",
        _number(restarts),
        tuple((name, told) for name in _LABELS if (told := json_object.text(labels, name)) is not None),
        json_object.text(labels, _UID) or "",
        _number(one.get("createdAt")),
    )


def _number(said: object) -> int:
    written = str(said)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 20 else 0


STATE_TEMPLATE = "[{{json .info.pid}},{{json .status.exitCode}},{{json .status.startedAt}},{{json .status.finishedAt}}]"
"""What is asked of `crictl inspect`, which else prints the whole environment."""


def decode_state(text: str) -> CriState:
    """The answer to `STATE_TEMPLATE`. Raises Malformed."""
    try:
        pid, code, started, finished = json.loads(text)
    except (ValueError, RecursionError, TypeError):
        raise Malformed("crictl inspect prints something else than it was asked for") from None
    return CriState(_number(pid), _number(code), _time(started), _time(finished))


def _time(said: object) -> datetime | None:
    """The runtime's zero time means that it has not happened."""
    try:
        time = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time if time.year > 1970 else None
