"""Faults of the container, of the programs in it, and of what runs beside it."""

from tests.worlds import mistakes
from tests.worlds.faults.kind import Fault, ailing, codes

_LATER = "who looks at the log or the process sees why; the model's programs end for no reason"

FAULTS = (
    Fault("BIRD does not run", mistakes.stop("bird"), codes("SV-RESTARTING"), follows=codes("BIRD-DOWN")),
    Fault("Felix does not run", mistakes.stop("felix"), codes("SV-FELIX")),
    Fault("confd does not run", mistakes.stop("confd"), codes("SV-CONFD")),
    Fault("calico/node does not run", mistakes.stop("calico"), codes("SV-EXITED")),
    Fault("Felix is held by a signal", ailing(held=frozenset({"felix"})), codes("SV-FELIX")),
    Fault("confd is held by a signal", ailing(held=frozenset({"confd"})), codes("SV-CONFD")),
    Fault("calico/node is paused", ailing(container="paused"), codes("SV-NOT-RUNNING"), follows=codes("BIRD-DOWN")),
    Fault("calico/node was made and not started", ailing(container="created"), codes("SV-NOT-RUNNING")),
    Fault("calico/node was removed", ailing(container="absent"), codes("SV-ABSENT")),
    Fault("calico/node is dead", ailing(container="dead"), codes("SV-EXITED")),
    Fault("a second calico/node runs", ailing(second="old-calico"), codes("SV-TWO")),
    Fault("a BIRD of the distribution runs", ailing(rival=("BIRD", "bird.service")), codes("SV-RIVAL")),
    Fault("a certificate was renewed by renaming", ailing(outdated=("/etc/calico/cert.pem",)), codes("SV-CERTIFICATE")),
)
