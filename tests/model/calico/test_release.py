"""Which release of Calico an image is of."""

import pytest

from calico_agent.model.calico.release import Release, calico_in


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("calico/node:v3.31.2", (3, 31)),
        ("quay.io/calico/node:v1.3.0", (2, 3)),
        ("calico/node:v2.6.12-amd64", (2, 6)),
        ("calico/node:release-v3.10", (3, 10)),
        ("registry.example:5000/calico-node:v3.28.0@sha256:0a1b", (3, 28)),
        ("registry.example:5000/calico/node", None),
        ("calico/node:latest", None),
        ("calico/node@sha256:0a1b", None),
        ("example/calico-node:2024.1", None),
    ],
    ids=[
        "the tag of Calico's own image",
        "calico/node v1.3 belongs to Calico v2.3",
        "a tag with an architecture",
        "the tag of a release branch",
        "a tag and a digest, from a registry with a port",
        "the port of a registry is no tag",
        "latest tells nothing",
        "a digest tells nothing",
        "a date of somebody's own is no release",
    ],
)
def test_release_by_image(image: str, release: Release | None) -> None:
    assert calico_in(image) == release
