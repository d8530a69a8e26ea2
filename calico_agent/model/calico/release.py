"""Releases of Calico and of Kubernetes: what matters of them is the major and the minor number."""

import re

Release = tuple[int, int]
"""Major and minor number."""

_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?!\d)")
_TAG = re.compile(r":[^:/@]*?v?(\d{1,3})\.(\d{1,3})(?=[.\-_]|@|$)[^:/@]*(?:@.*)?$")
_MAJORS = range(1, 5)  # a tag of somebody's own (`2024.1`) is no release


def release_in(version: str) -> Release | None:
    """The release that a version is of (`v1.30.2`); None for what is no version."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


def calico_in(image: str) -> Release | None:
    """The release of Calico that an image of calico/node is of, by its tag; None where that does not tell.

    calico/node v1.0 to v1.3 belong to Calico v2.0 to v2.3; v2.4 and later bear Calico's number.
    """
    found = _TAG.search(image)
    if found is None or int(found[1]) not in _MAJORS:
        return None
    major, minor = int(found[1]), int(found[2])
    return (2 if major == 1 else major, minor)


def shown_release(release: Release) -> str:
    """`v3.28`."""
    return f"v{release[0]}.{release[1]}"
