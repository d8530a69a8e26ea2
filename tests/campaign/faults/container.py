"""The container of calico/node, its programs, and Docker."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.campaign.deeds import configured, held, paused, signal_all, signal_bird
from tests.campaign.fault import fault
from tests.lab.engine import CONTAINER
from tests.lab.lab import Lab
from tests.lab.program import process


@fault("host2", touches="host2")
def container_killed(lab: Lab) -> Iterator[None]:
    """docker kill on host2; the agent starts it again."""
    lab.engine("host2").docker("kill", CONTAINER)
    yield


@fault("host1", touches="host1")
def container_stopped(lab: Lab) -> Iterator[None]:
    """docker stop on host1; the agent starts it again."""
    lab.engine("host1").docker("stop", "--time", "1", CONTAINER)
    yield


@fault("host2", touches="host2")
def container_restarted(lab: Lab) -> Iterator[None]:
    """docker restart on host2."""
    lab.engine("host2").docker("restart", "--time", "1", CONTAINER)
    yield


@fault("host3", touches="host3")
def container_removed(lab: Lab) -> Iterator[None]:
    """docker rm --force on host3; the agent makes it anew."""
    lab.engine("host3").docker("rm", "--force", CONTAINER)
    yield


@fault("host1", touches="host1")
def container_renamed(lab: Lab) -> Iterator[None]:
    """docker rename on host1; it gets its name back."""
    lab.engine("host1").docker("rename", CONTAINER, "somebody")
    yield


@fault("host2", touches="host2")
def restart_policy_set(lab: Lab) -> Iterator[None]:
    """docker update --restart=always on host2; it is taken back."""
    lab.engine("host2").docker("update", "--restart=always", CONTAINER)
    yield


@fault("host3", "SV-NOT-RUNNING", touches="host3")
def container_paused(lab: Lab) -> Iterator[None]:
    """docker pause on host3."""
    lab.engine("host3").docker("pause", CONTAINER)
    yield
    lab.engine("host3").docker("unpause", CONTAINER)


@fault("host2", "SV-EXITED", "SV-STOPPED", touches="host2")
def container_killed_in_a_pause(lab: Lab) -> Iterator[None]:
    """The agent of host2 is paused, and its calico/node killed."""
    with paused(lab, "host2"):
        lab.engine("host2").docker("kill", CONTAINER)
        yield


@fault("host1", "SV-ABSENT", touches="host1")
def container_removed_in_a_pause(lab: Lab) -> Iterator[None]:
    """The agent of host1 is paused, and its calico/node removed."""
    with paused(lab, "host1"):
        lab.engine("host1").docker("rm", "--force", CONTAINER)
        yield


@fault("host1", touches="host1")
def bird_killed(lab: Lab) -> Iterator[None]:
    """BIRD of host1 is killed; its supervisor starts it again."""
    signal_bird(lab, "host1", "KILL")
    yield


@fault("host1", "BIRD-HUNG", touches="host1")
def bird_frozen(lab: Lab) -> Iterator[None]:
    """BIRD of host1 is stopped by SIGSTOP."""
    signal_bird(lab, "host1", "STOP")
    yield
    signal_bird(lab, "host1", "CONT")


@fault("host3", "BIRD-DOWN", touches="host3")
def bird_gone(lab: Lab) -> Iterator[None]:
    """BIRD of host3 is killed, and nobody starts it again."""
    with held(lab, "host3"):
        signal_bird(lab, "host3", "KILL")
        yield


@fault("host2", "SV-RIVAL", touches="programs-of-host2")
def second_bird(lab: Lab) -> Iterator[None]:
    """A BIRD that is not calico/node's runs on host2."""
    Path(lab.host("host2").root, "run/stray.conf").write_text("router id 10.0.0.1;\nprotocol device {}\n")
    command = ("bird", "-f", "-c", "/run/stray.conf", "-s", "/run/stray.ctl", "-P", "/run/stray.pid")
    with process(lab, "host2", *command):
        yield


@fault("host3", "SV-TWO", touches="containers-of-host3")
def second_container(lab: Lab) -> Iterator[None]:
    """Another container of calico/node runs on host3."""
    engine = lab.engine("host3")
    script = "sleep 600  # start_runit"  # a shell that starts something else would be no calico/node
    options = ("--detach", "--net=host", "--name=calico-node-2", "--entrypoint=sh")
    engine.docker("run", *options, lab.options.image, "-c", script)
    yield
    engine.docker("rm", "--force", "calico-node-2")


@fault("host1", "DOCKER-UNREADABLE", touches="host1")
def docker_frozen(lab: Lab) -> Iterator[None]:
    """dockerd of host1 is stopped by SIGSTOP."""
    signal_all(lab, "host1", "dockerd", signal.SIGSTOP)
    yield
    signal_all(lab, "host1", "dockerd", signal.SIGCONT)


@fault("host2", "DOCKER-DOWN", touches="host2")
def docker_killed(lab: Lab) -> Iterator[None]:
    """dockerd of host2 is killed; its containers run on until it is started again."""
    signal_all(lab, "host2", "dockerd", signal.SIGKILL)
    yield
    lab.engine("host2").start()


@fault("host3", touches="host3")
def docker_frozen_for_a_moment(lab: Lab) -> Iterator[None]:
    """dockerd of host3 is stopped by SIGSTOP for five seconds."""
    signal_all(lab, "host3", "dockerd", signal.SIGSTOP)
    time.sleep(5)
    signal_all(lab, "host3", "dockerd", signal.SIGCONT)
    yield


@fault("host1", "SV-DRIFT", touches="host1", patience=60.0)
def environment_is_another(lab: Lab) -> Iterator[None]:
    """The agent of host1 is paused, and its configuration asks for another environment of calico/node."""
    with paused(lab, "host1"), configured(lab, "host1", "[node.env]", '[node.env]\nCAMPAIGN = "yes"'):
        yield


@fault("host2", "SV-ROLLED-BACK", "SV-CRASHLOOP", touches="host2", patience=150.0)
def environment_that_does_not_start(lab: Lab) -> Iterator[None]:
    """The configuration of host2 asks for an environment with which calico/node ends at once."""
    with configured(lab, "host2", "[node.env]", '[node.env]\nDATASTORE_TYPE = "etcd"'):
        yield


@fault("host3", "SV-IMAGE", touches="host3", patience=90.0)
def image_that_cannot_be_had(lab: Lab) -> Iterator[None]:
    """The configuration of host3 asks for an image that nobody has."""
    with configured(lab, "host3", lab.options.image, "calico/node:nowhere"):
        yield
