"""Process 1 of the stand-in: start-up once, then BIRD and the datastore for as long as the container lives.

On SIGTERM it simply ends, as runit's runsvdir does: BIRD dies with it without a word to its peers, so that
they see a restart (graceful restart: routes stay) and not a shutdown, and the kernel keeps its routes.
"""

import os
import signal
import sys
import time

from tests.lab.image import felix, ipip, logs, startup
from tests.lab.image.bird import Bird, render
from tests.lab.image.cluster import Cluster
from tests.lab.image.errors import StartError
from tests.lab.image.store import Store, UnavailableError

_REFRESH_SECONDS = 5.0
_RETRY_SECONDS = 1.0


def main() -> None:
    """Start, then follow the datastore for ever."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        node, store = startup.run(os.environ)
    except StartError:
        print("Calico node failed to start", file=sys.stderr, flush=True)
        sys.exit(1)
    print("Calico node started successfully", flush=True)
    with_bird = os.environ.get("CALICO_NETWORKING_BACKEND", "bird") == "bird"
    birds = {4: Bird("bird"), 6: Bird("bird6")} if with_bird else {}
    with_ipv6 = os.environ.get("FELIX_IPV6SUPPORT") == "true"
    if not with_ipv6:
        birds.pop(6, None)
    felix.configure(ipv6=with_ipv6)
    if store.kubernetes:  # where there may be no Docker that knows of the container
        felix.show_process()
    startup.patiently(lambda: ipip.check_address(store, Cluster(store.list("/calico/")), node))
    failing, new_links = False, felix.NewLinks()
    while True:
        try:
            _follow(store, node, birds, new_links)
            failing = False
        except UnavailableError as reason:
            if not failing:
                logs.warning("Failed to (re)connect to datastore", error=reason)
            failing = True
            time.sleep(_RETRY_SECONDS)


def _follow(store: Store, node: str, birds: dict[int, Bird], new_links: felix.NewLinks) -> None:
    """Bring BIRD and the kernel to what the datastore says; return at its next change, or after a while."""
    listing = store.list("/calico/")
    cluster = Cluster(listing)
    for version, bird in birds.items():
        bird.configure(render(cluster, node, version))
    felix.apply(store, cluster, node, new_links)
    for _ in store.changes("/calico/", listing.revision, _REFRESH_SECONDS):
        return


if __name__ == "__main__":
    main()
