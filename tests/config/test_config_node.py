"""What [node] says of the container beside image and environment, in the words of `docker run`."""

from pathlib import Path

import pytest

from calico_agent.config.show import render_config
from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions, Ulimit
from tests.config.test_config import faults_of, load_text

ALL = """
[node]
without = ["CALICO_LIBNETWORK_ENABLED", "/run/docker/plugins"]
memory = "500M"
cpu_shares = 300
cpus = 1.5
ulimits = ["nproc=100", "nofile=1024:65536"]
labels = { team = "net" }
log_driver = "json-file"
log_options = { max-size = "10m", splunk-token = "hush" }
"""


def test_every_key_reaches_the_container(tmp_path: Path) -> None:
    node = load_text(tmp_path, ALL).node_settings()
    assert node.without == {"CALICO_LIBNETWORK_ENABLED", "/run/docker/plugins"}
    assert node.options == RunOptions(
        memory=500 << 20,
        cpu_shares=300,
        nano_cpus=1_500_000_000,
        ulimits=(Ulimit("nofile", 1024, 65536), Ulimit("nproc", 100, 100)),
        labels=(("team", "net"),),
        log_driver="json-file",
        log_options=(("max-size", "10m"), ("splunk-token", "hush")),
    )


def test_what_is_in_force_is_shown_without_the_token_of_a_log_server(tmp_path: Path) -> None:
    shown = render_config(load_text(tmp_path, ALL))
    assert 'log_options = { "max-size" = "10m", "splunk-token" = "(not shown)" }' in shown
    assert 'labels = { "team" = "net" }' in shown


@pytest.mark.parametrize(
    ("size", "expected"),
    [("", 0), ("8388608", 8 << 20), ("8388608b", 8 << 20), ("8192k", 8 << 20), ("2g", 2 << 30), ("64MB", 64 << 20)],
)
def test_a_size_is_what_docker_makes_of_it(tmp_path: Path, size: str, expected: int) -> None:
    assert load_text(tmp_path, f'[node]\nmemory = "{size}"').node_settings().options.memory == expected


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ("/sys/fs/bpf:/sys/fs/bpf:rshared", Mount("/sys/fs/bpf", "/sys/fs/bpf", propagation="rshared")),
        ("/a:/b:ro,rslave", Mount("/a", "/b", read_only=True, propagation="rslave")),
        ("/a:/b:rprivate", Mount("/a", "/b")),
    ],
)
def test_a_mount_says_what_becomes_of_mounts_below_it(tmp_path: Path, mount: str, expected: Mount) -> None:
    (found,) = load_text(tmp_path, f'[node]\nmounts = ["{mount}"]').node_settings().mounts
    assert found == expected
    assert found.bind == mount.removesuffix(":rprivate")


WRONG = {
    "no unit that exists": ('memory = "5X"', 'memory: "5X" is not a size'),
    "less than Docker allows": ('memory = "1M"', 'memory: "1M" is less than the 6 MiB'),
    "a size that is a number": ("memory = 5", "memory: 5 is not a size"),
    "a weight that is none": ("cpu_shares = 1", "cpu_shares: 1 is no weight"),
    "no processor": ("cpus = 0.001", "cpus: 0.001 is no number of processors"),
    "a limit of nothing": ('ulimits = ["open=5"]', 'ulimits: "open=5" is not a limit'),
    "a soft limit above the hard one": ('ulimits = ["nofile=5:4"]', "has a soft limit above the hard one"),
    "a label of ours": ('labels = { "io.github.calico-agent.managed-by" = "me" }', "by which calico-agent knows"),
    "two ways for mounts below": ('mounts = ["/a:/b:rshared,rslave"]', "has options that contradict each other"),
    "a mount with another option": ('mounts = ["/a:/b:z"]', 'has an unknown option "z"'),
    "something else that is left out": ('without = ["a b"]', 'without: "a b" is neither a variable nor a destination'),
    "logging by two words": ('log_driver = "json file"', "is no name"),
    "a table that is none": ("labels = 5", "labels: 5 is not a table of texts"),
}


@pytest.mark.parametrize(("line", "fault"), WRONG.values(), ids=WRONG)
def test_what_docker_would_refuse_is_refused_before(tmp_path: Path, line: str, fault: str) -> None:
    (found,) = faults_of(tmp_path, f"[node]\n{line}")
    assert fault in found
