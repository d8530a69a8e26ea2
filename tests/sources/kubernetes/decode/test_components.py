"""The kubelet and kube-proxy by their command lines, and what their files say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.release import Release, release_in
from calico_agent.model.host.kubernetes import KUBE_PROXY, KUBELET
from calico_agent.sources.kubernetes.decode.components import (
    arguments_file,
    decode_arguments_file,
    parts_of,
    runtime_endpoint,
    runtime_of,
    snap_version,
    version_in,
)
from calico_agent.sources.kubernetes.decode.flags import flag_values, is_set

PARTS: dict[str, tuple[str, list[str], set[str]]] = {
    "a kubelet": ("kubelet", ["/usr/bin/kubelet", "--v=2"], {KUBELET}),
    "a kube-proxy": ("kube-proxy", ["/usr/local/bin/kube-proxy"], {KUBE_PROXY}),
    "hyperkube as the kubelet": ("hyperkube", ["/hyperkube", "kubelet"], {KUBELET}),
    "hyperkube as kube-proxy, in its own word": (
        "hyperkube",
        ["/hyperkube", "proxy", "--masquerade-all"],
        {KUBE_PROXY},
    ),
    "hyperkube as the API server": ("hyperkube", ["/hyperkube", "apiserver"], set()),
    "hyperkube alone": ("hyperkube", ["/hyperkube"], set()),
    "k3s": ("k3s-server", ["/usr/local/bin/k3s server"], {KUBELET, KUBE_PROXY}),
    "MicroK8s": ("kubelite", ["/snap/microk8s/1/kubelite"], {KUBELET, KUBE_PROXY}),
}


@pytest.mark.parametrize(("name", "arguments", "parts"), PARTS.values(), ids=PARTS.keys())
def test_which_part_a_program_is(name: str, arguments: list[str], parts: set[str]) -> None:
    assert parts_of(name, arguments) == parts


SWITCHES = {
    "given": (["--masquerade-all"], True),
    "with an underscore": (["--masquerade_all"], True),
    "true": (["--masquerade-all=true"], True),
    "false": (["--masquerade-all=false"], False),
    "the last one counts": (["--masquerade-all", "--masquerade-all=false"], False),
    "the value of another flag": (["--v", "masquerade-all"], False),
    "not given": (["--v=2"], False),
}


@pytest.mark.parametrize(("arguments", "expected"), SWITCHES.values(), ids=SWITCHES.keys())
def test_a_switch(arguments: list[str], expected: bool) -> None:
    assert is_set(arguments, "masquerade-all") is expected


@given(st.lists(st.text(max_size=12) | st.just("--config"), max_size=5))
def test_any_arguments_have_flags(arguments: list[str]) -> None:
    assert set(flag_values(arguments, {"config"})) <= {"config"}


def test_the_arguments_of_microk8s_are_in_files() -> None:
    file = "/var/snap/microk8s/6089/args/kubelet"
    line = ["kubelite", f"--kubelet-args-file={file}", "--proxy-args-file=/var/snap/microk8s/6089/args/kube-proxy"]
    assert arguments_file(KUBELET, line) == file
    content = "# set by the snap\n--root-dir=${SNAP_DATA}/kubelet\n\n--socket=${SNAP_COMMON}/run/x.sock\n"
    assert decode_arguments_file(content, file) == (
        "--root-dir=/var/snap/microk8s/6089/kubelet",
        "--socket=/var/snap/microk8s/common/run/x.sock",
    )


VERSIONS: dict[str, tuple[str, str, Release | None]] = {
    "kubelet --version": ("Kubernetes v1.30.2\n", "v1.30.2", (1, 30)),
    "k3s --version": ("k3s version v1.30.4+k3s1 (abc)\ngo version go1.22.5\n", "v1.30.4+k3s1", (1, 30)),
    "of 2016": ("Kubernetes v1.5.8", "v1.5.8", (1, 5)),
    "a test version": ("Kubernetes v1.37.0-alpha.1.5+dirty", "v1.37.0-alpha.1.5+dirty", (1, 37)),
    "no version": ("unknown flag: --version", "", None),
}


@pytest.mark.parametrize(("said", "version", "release"), VERSIONS.values(), ids=VERSIONS.keys())
def test_a_version(said: str, version: str, release: Release | None) -> None:
    assert (version_in(said), release_in(version_in(said))) == (version, release)


@pytest.mark.parametrize("line", ["version: v1.28.3", "version: '1.28.3'", 'version: "v1.28.3"'])
def test_a_snap_says_its_version(line: str) -> None:
    assert snap_version(f"name: microk8s\n{line}\nbase: core20\n") == "v1.28.3"


RUNTIMES: dict[str, tuple[list[str], str, Release | None, str]] = {
    "Docker, up to 1.23": ([], "", (1, 23), "docker"),
    "containerd, from 1.24 on": ([], "", (1, 24), "containerd"),
    "containerd by its socket": (
        ["--container-runtime=remote", "--container-runtime-endpoint=unix:///run/containerd/containerd.sock"],
        "",
        (1, 23),
        "containerd",
    ),
    "CRI-O": (["--container-runtime-endpoint=/var/run/crio/crio.sock"], "", (1, 20), "cri-o"),
    "cri-dockerd, in the configuration file": (
        [],
        "kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/cri-dockerd.sock\n",
        (1, 28),
        "cri-dockerd",
    ),
    "a remote one without a name": (["--container-runtime=remote"], "", (1, 23), ""),
    "another one": (["--container-runtime-endpoint=/run/frakti.sock"], "", (1, 23), ""),
    "not known of which release": ([], "", None, ""),
    "a configuration file that is none": ([], "[", (1, 30), "containerd"),
}


@pytest.mark.parametrize(("arguments", "file", "release", "runtime"), RUNTIMES.values(), ids=RUNTIMES.keys())
def test_what_runs_the_containers(arguments: list[str], file: str, release: Release | None, runtime: str) -> None:
    assert runtime_of(arguments, runtime_endpoint(arguments, file), release) == runtime
