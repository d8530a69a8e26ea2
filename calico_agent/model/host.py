"""Facts of the machine itself: its name, its identity, what Calico left on its disk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """This machine.

    `nodename_file` is the content of /var/lib/calico/nodename, where calico/node keeps the name it last used and which
    it prefers to the host name (node/pkg/lifecycle/utils/utils.go:114@v3.32.1); None when there is no such file.
    """

    hostname: str
    machine_id: str = ""
    nodename_file: str | None = None
