"""What crictl v1.34.0 prints, of containerd's containers."""

import json
from datetime import UTC, datetime

import pytest

from calico_agent.model.container.container import ContainerState
from calico_agent.sources.cri.decode.crictl import CriState, decode_containers, decode_state
from calico_agent.sources.decode_error import Malformed

LABELS = {
    "io.kubernetes.container.name": "calico-node",
    "io.kubernetes.pod.name": "calico-node-x7k2p",
    "io.kubernetes.pod.namespace": "kube-system",
    "io.kubernetes.pod.uid": "8f6e1d6c-0d0b-4a53-9a1a-6f4c5b1f2a3b",
}


def row(**changes: object) -> dict[str, object]:
    return {
        "id": "c2",
        "podSandboxId": "p1",
        "metadata": {"name": "calico-node", "attempt": 2},
        "image": {"image": "sha256:ab", "annotations": {}, "userSpecifiedImage": "docker.io/calico/node:v3.27.0"},
        "imageRef": "sha256:ab",
        "state": "CONTAINER_RUNNING",
        "createdAt": "1700000002000000000",
        "labels": LABELS,
        "annotations": {"io.kubernetes.container.restartCount": "3"},
        **changes,
    }


def test_the_newest_comes_first() -> None:
    older = row(id="c1", state="CONTAINER_EXITED", createdAt="1700000001000000000", annotations={})
    found = decode_containers(json.dumps({"containers": [older, row(), row(id="c3", state="CONTAINER_UNKNOWN")]}))
    assert [(one.id, one.state, one.restarts) for one in found] == [
        ("c2", ContainerState.RUNNING, 3),
        ("c1", ContainerState.EXITED, 2),
    ]
    assert found[0].image == "docker.io/calico/node:v3.27.0"
    assert dict(found[0].labels)["io.kubernetes.pod.name"] == "calico-node-x7k2p"
    assert found[0].pod_uid == LABELS["io.kubernetes.pod.uid"]


def test_an_older_runtime_has_the_id_of_the_image_alone() -> None:
    found = decode_containers(
        json.dumps({"containers": [row(image={"image": "sha256:ab"}, metadata={}, annotations={})]})
    )
    assert (found[0].image, found[0].restarts) == ("sha256:ab", 0)


def test_how_far_one_is() -> None:
    text = '[0,137,"2026-11-26T22:00:01.5Z","2026-11-26T22:00:09Z"]'
    assert decode_state(text) == CriState(
        0, 137, datetime(2026, 11, 26, 22, 0, 1, 500000, tzinfo=UTC), datetime(2026, 11, 26, 22, 0, 9, tzinfo=UTC)
    )
    assert decode_state('[4711,0,"2026-11-26T22:00:01Z","0001-01-01T00:00:00Z"]').finished_at is None
    assert decode_state('[null,0,"1970-01-01T00:00:00Z",7]') == CriState()


@pytest.mark.parametrize("text", ["", "[1]", "<no value>", '{"containers": 7}', "[[[["])
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode_state(text)
    with pytest.raises(Malformed):
        decode_containers(text)
