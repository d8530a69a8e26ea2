"""The releases of Calico that the model knows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Calico by what differs between releases.

    `v2`: it keeps its data behind etcd's v2 API, as written names, prefixes and all. `metric` is that of the routes
    that BIRD and Felix write, `interfaces`: node records list the addresses of the host's links.
    """

    version: str
    bird: str
    v2: bool = False
    metric: int = 0
    interfaces: bool = False


V2_3 = Release("v1.3.0", "1.6.3", v2=True)
V3_28 = Release("v3.28.5", "v0.3.3+birdv1.6.8")
V3_31 = Release("v3.31.7", "v0.3.3+birdv1.6.8", interfaces=True)
V3_32 = Release("v3.32.1", "v0.3.3+birdv1.6.8", metric=1024, interfaces=True)
RELEASES = (V3_31, V3_32, V3_28, V2_3)
