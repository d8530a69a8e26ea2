"""What differs between a container and the wanted one, said without giving a secret away."""

from dataclasses import replace

import pytest

from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    Container,
    ContainerSpec,
    ContainerState,
    Mount,
)
from calico_agent.model.container.drift import differences
from calico_agent.model.container.run_options import RunOptions, Ulimit

SPEC = ContainerSpec(
    "calico-node",
    "calico/node:v3.31.7",
    env=(("ETCD_PASSWORD", "hush"), ("IP", "10.77.0.11/24")),
    mounts=(Mount("/lib/modules", "/lib/modules", read_only=True), Mount("/var/run/calico", "/var/run/calico")),
)
SAME = Container(
    id="c1",
    name=SPEC.name,
    image=SPEC.image,
    state=ContainerState.RUNNING,
    env=(*SPEC.env, ("PATH", "/bin")),
    image_env=(("PATH", "/bin"),),
    mounts=SPEC.mounts,
    network_mode="host",
    privileged=True,
    restart_policy="no",
)
VOLUME = Mount("/var/lib/docker/volumes/4f5e/_data", "/data")
MODULES, RUN = SPEC.mounts

CASES = {
    "the same": (SAME, ()),
    "the same, with a trailing slash": (replace(SAME, mounts=(MODULES, replace(RUN, source="/var/run/calico/"))), ()),
    "another image": (
        replace(SAME, image="calico/node:v3.30.0"),
        ("image is calico/node:v3.30.0, wanted calico/node:v3.31.7",),
    ),
    "another value": (
        replace(SAME, env=(SAME.env[0], ("IP", "172.17.0.1"))),
        ("IP is '172.17.0.1', wanted '10.77.0.11/24'",),
    ),
    "a variable that is missing": (replace(SAME, env=SAME.env[:1]), ("IP is not set, wanted '10.77.0.11/24'",)),
    "a variable too many": (replace(SAME, env=(*SAME.env, ("AS", "64512"))), ("AS is '64512', wanted not set",)),
    "a variable of the image that was given another value": (
        replace(SAME, env=(*SPEC.env, ("PATH", "/sbin"))),
        ("PATH is another value (not shown), wanted not set",),
    ),
    "a variable too many cannot be told without the image": (
        replace(SAME, env=(*SAME.env, ("AS", "64512")), image_env=None),
        (),
    ),
    "another password": (
        replace(SAME, env=(("ETCD_PASSWORD", "old"), *SAME.env[1:])),
        ("ETCD_PASSWORD is another value (not shown), wanted another value (not shown)",),
    ),
    "a mount that is missing": (
        replace(SAME, mounts=(MODULES,)),
        ("nothing is mounted at /var/run/calico, wanted /var/run/calico",),
    ),
    "a mount that can be written": (
        replace(SAME, mounts=(replace(MODULES, read_only=False), RUN)),
        ("mounted at /lib/modules is /lib/modules, wanted /lib/modules (read only)",),
    ),
    "a mount too many": (
        replace(SAME, mounts=(*SPEC.mounts, Mount("/run", "/run"))),
        ("mounted at /run is /run, wanted nothing",),
    ),
    "a volume that the image declares": (replace(SAME, mounts=(*SPEC.mounts, VOLUME)), ()),
    "a network of its own, without privileges": (
        replace(SAME, network_mode="bridge", privileged=False),
        ("network mode is bridge, wanted host", "it is not privileged, wanted privileged"),
    ),
    "a restart policy": (replace(SAME, restart_policy="always"), ("restart policy is always, wanted no",)),
    "made from this very specification, whatever Docker made of its words": (
        replace(SAME, env=(), mounts=(), labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, SPEC.hash))),
        (),
    ),
}


@pytest.mark.parametrize(("container", "expected"), CASES.values(), ids=CASES.keys())
def test_differences(container: Container, expected: tuple[str, ...]) -> None:
    assert differences(container, SPEC) == expected


LIMITED = replace(
    SPEC,
    options=RunOptions(
        memory=500 << 20,
        ulimits=(Ulimit("nofile", 1024, 2048),),
        labels=(("team", "net"),),
        log_driver="json-file",
        log_options=(("max-size", "10m"),),
    ),
)


def test_limits_labels_and_logging_are_compared() -> None:
    assert differences(SAME, LIMITED) == (
        "memory limit (bytes) is not set, wanted 524288000",
        "ulimit nofile is not set, wanted 1024:2048",
        "label team is not set, wanted 'net'",
        "logging driver is not set, wanted json-file",
    )
    alike = replace(SAME, options=replace(LIMITED.options, labels=()), labels=(("team", "net"), ("vendor", "Tigera")))
    assert differences(alike, LIMITED) == ()
    other = replace(alike, options=replace(alike.options, log_options=()))
    assert differences(other, LIMITED) == ("the options of logging driver json-file are other ones",)
    assert differences(alike, SPEC) == ("memory limit (bytes) is 524288000, wanted not set",)


def test_a_mount_that_hands_on_what_is_mounted_below_is_another_one() -> None:
    shared = replace(SAME, mounts=(MODULES, replace(RUN, propagation="rshared")))
    assert differences(shared, SPEC) == (
        "mounted at /var/run/calico is /var/run/calico (rshared), wanted /var/run/calico",
    )


def test_a_long_value_is_cut() -> None:
    (found,) = differences(replace(SAME, env=(*SAME.env, ("LONG", "x" * 5000))), SPEC)
    assert len(found) < 200
