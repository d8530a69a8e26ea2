"""What calico-agent would say about a recorded host: `python -m tests.replay CAPTURE HOST [--config FILE] [--json]`.

CAPTURE is a directory with the datastore, `etcd.jsonl` (v3 API, one key a line) or `etcd-v2.json` (v2 API, the whole
tree) with `etcd-v2-headers.txt`, and a directory for each host: `bird.txt`, `bird6.txt` (raw replies of the control
sockets), `ip-addr.json`, `ip-route.json`, `ip-rule.txt`, `ip6-rule.txt`, `neigh.txt`, `fdb.txt`, `docker-inspect.json`,
`docker-networks.json`, `container.log`, `nodename`. A file that is missing or garbled makes its source unreadable, as
it would be live; rules, neighbours and forwarding entries that were not recorded are not judged. Nothing outside the
directory is looked at: the time is the recording's, and the host is called like its directory.

A bundle of `calico-agent diags` is such a recording, too, of one host and with its configuration. It has the datastore
as `datastore.jsonl` and `pods.jsonl`.

With a configuration the host is judged as an agent with that one would; in supervise mode it is also said what the
agent would do.

Exit code: 0 all good, 1 something is wrong, 2 usage.
"""

from tests.replay.capture import CONTAINER, endpoints, read_capture
from tests.replay.judge import assess_capture, assess_observation, plan_capture, report_capture

__all__ = [
    "CONTAINER",
    "assess_capture",
    "assess_observation",
    "endpoints",
    "plan_capture",
    "read_capture",
    "report_capture",
]
