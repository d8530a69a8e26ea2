"""Which release of Calico this host runs, or is to run, as far as the name of its image tells."""

import re

from calico_agent.verify.view import View

Release = tuple[int, int]

_TAG = re.compile(r":(?:release-)?v?(\d{1,2})\.(\d{1,3})")


def calico_release(view: View) -> Release | None:
    """Major and minor number; None for a tag that is no release, and for an image that is named by its content."""
    supervising = view.supervising
    spec = supervising.spec if supervising is not None else None
    container = view.local.container
    return release_of((spec or container).image) if spec or container else None  # type: ignore[union-attr]


def release_of(image: str) -> Release | None:
    """That of an image. calico/node v1.0 to v1.3 belong to Calico v2.0 to v2.3, v2.4 and later bear Calico's number."""
    found = _TAG.search(image.partition("@")[0].rpartition("/")[2])
    if found is None:
        return None
    major, minor = int(found[1]), int(found[2])
    return (2, minor) if major == 1 else (major, minor)
