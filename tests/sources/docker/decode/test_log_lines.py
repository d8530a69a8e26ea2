"""The decoder of log lines against recorded start-up logs, and the texts of calico/node that no capture has."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.sources.docker.decode.log_lines import (
    LogLine,
    decode_log,
    felix_ends,
    knocks,
    log_lines,
    of_last_run,
    telling_line,
)
from tests.captures import CAPTURES, hosts, log_tail

STARTUP = "2026-11-23 00:48:07.159 [INFO][9] startup/startup.go 552: "
NEW_START = f"{STARTUP}Early log level set to info"
CONFLICT = f"{STARTUP}Calico node 'host3' is already using the IPv4 address 172.17.0.1."
NOISE = (
    "2026-11-23 00:48:07.159 [ERROR][189] complete-startup/startup.go 324: Failed to build config error=x509: unknown",
    "2026-11-23 00:48:07.159 [WARNING][189] complete-startup/utils.go 47: Terminating",
)

RECORDED = {
    "address-not-on-this-host": ("address-not-local", "bird: Mesh_10_77_0_12: Socket error: bind: Cannot assign"),
    "bad-datastore-type": ("datastore-type", "unknown datastore type: etcd"),
    "bgp-port-in-use": None,
    "etcd-certificate-missing": ("certificate-missing", "open /calico-secrets/etcd-ca: no such file or directory"),
    "etcd-connection-refused": ("datastore-waiting", "Upgrading any IPAM affinities from older versions"),
    "invalid-address": ("address-invalid", "Environment does not contain a valid IPv4 address: IP=10.77.0.300"),
    "invalid-autodetection-method": ("method-invalid", "Invalid IP autodetection method: eth1"),
    "invalid-node-name": ("name-invalid", "Metadata.Name = 'Host_3'"),
    "no-address-matches-method": None,  # what it said has scrolled away
}


@pytest.mark.parametrize(("name", "told"), RECORDED.items(), ids=RECORDED)
def test_the_line_that_explains_a_recorded_start(name: str, told: tuple[str, str] | None) -> None:
    hint = telling_line(log_tail(CAPTURES / "startup-logs" / f"{name}.log"))
    if told is None:
        assert hint is None
        return
    assert hint is not None
    assert hint.code == told[0]
    assert told[1] in hint.line
    assert "{" not in hint.sentence + hint.cure


OLD_LOGS = CAPTURES.parent / "calico-v2.3" / "startup-logs"
PEM = "/etc/calico/certs/nothing.crt"
RECORDED_V1_3 = {
    "address-not-on-this-host": ("address-not-local", "Unable to confirm IPv4 address 10.77.0.99 is assigned"),
    "bgp-port-in-use": ("bgp-port-taken", "another program has the BGP port"),
    "etcd-certificate-missing": ("certificate-missing", f"it cannot read {PEM}"),
    "etcd-connection-refused": ("datastore-unreachable", "dial tcp 10.77.0.1:2378: connect: connection refused"),
    "etcd-does-not-answer": ("datastore-unreachable", "net/http: TLS handshake timeout"),
    "etcd-no-client-certificate": ("datastore-certificate", "remote error: tls: bad certificate"),
    "etcd-other-ca": ("datastore-certificate", "x509: certificate signed by unknown authority"),
    "etcd-other-client-certificate": ("datastore-certificate", "remote error: tls: bad certificate"),
    "etcd-plain-http": ("datastore-plain", "https://"),
    "healthy-first-300-lines": None,
    "healthy-first-start-ipip": None,
    "invalid-address": ("address-invalid", "IP=10.77.0.300 is not an address"),
    "invalid-as-number": ("as-number-invalid", "AS=hundred is not an AS number"),
    "invalid-autodetection-method": ("method-invalid", "IP_AUTODETECTION_METHOD=eth0 is none of its methods"),
    "no-address-matches-method": ("address-not-found", "it found no IPv4 address by its autodetection method"),
    "no-etcd-endpoints": ("datastore-settings", "at 127.0.0.1:2379, where it looks when it was given none"),
    "pools-forbidden-and-given": ("pools-forbidden-and-given", "NO_DEFAULT_POOLS"),
    "stored-address-not-on-this-host": ("address-not-local", "Unable to confirm IPv4 address 10.77.0.99 is assigned"),
}


@pytest.mark.parametrize(("name", "told"), RECORDED_V1_3.items(), ids=RECORDED_V1_3)
@pytest.mark.parametrize("before", ["", "etcd-certificate-missing", "invalid-as-number", "etcd-does-not-answer"])
def test_the_line_that_explains_a_recorded_start_of_v1_3(name: str, told: tuple[str, str] | None, before: str) -> None:
    earlier = log_tail(OLD_LOGS / f"{before}.log") if before else ()
    hint = telling_line((*earlier, *log_tail(OLD_LOGS / f"{name}.log")))
    if told is None:
        assert hint is None
        return
    assert hint is not None
    assert hint.code == told[0]
    assert told[1] in f"{hint.line}\n{hint.sentence}\n{hint.cure}"
    assert "{" not in hint.sentence + hint.cure


def test_all_recorded_start_up_logs_are_in_the_table() -> None:
    assert {path.stem for path in (CAPTURES / "startup-logs").glob("*.log")} == set(RECORDED)
    assert {path.stem for path in OLD_LOGS.glob("*.log")} == set(RECORDED_V1_3)


LOADING = 'time="2026-11-26T21:21:50Z" level=info msg="Loading config from environment" '
SKIPPING, CHECKING = "Skipping datastore connection test", "Checking datastore connection"
GOOD, BAD = "Calico node started successfully", "Calico node failed to start"
NO_CA = "ERROR: Error accessing the Calico datastore: open /ca.crt: no such file or directory"
NO_ADDRESS = "Unable to autoassign an IPv4 address error=Assigned 0 out of 1 requested IPv4 addresses"
NO_POOL = "ERROR: Unable to create default IPv4 IP Pool: no space"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param((LOADING, CHECKING), "datastore-waiting", id="it waits for the datastore, as it was told"),
        pytest.param((CHECKING, LOADING), "datastore-waiting", id="the same, its streams in the other order"),
        pytest.param((LOADING, SKIPPING), "datastore-waiting", id="it waits for a datastore that is frozen"),
        pytest.param(
            (LOADING, BAD, NO_CA, LOADING, SKIPPING, LOADING, GOOD), None, id="after a start that failed a good one"
        ),
        pytest.param((LOADING, BAD, NO_CA, SKIPPING, LOADING), "datastore-waiting", id="now it waits"),
        pytest.param(
            (LOADING, SKIPPING, LOADING, GOOD, "bird: Started", LOADING, BAD, NO_CA),
            "certificate-missing",
            id="after one that ran one that failed",
        ),
        pytest.param((LOADING, BAD, SKIPPING, NO_POOL), "start-up-error", id="any error of 2.x is quoted"),
        pytest.param((SKIPPING, LOADING, NO_POOL, BAD, LOADING, SKIPPING), "datastore-waiting", id="killed, and again"),
        pytest.param(
            (SKIPPING, LOADING, SKIPPING, LOADING, NO_POOL, BAD), "start-up-error", id="killed while it waited"
        ),
        pytest.param(("confd[205]: ERROR template: bird.cfg.mesh.template:5:82", "bird: Started"), None, id="confd's"),
        pytest.param(
            (NEW_START, "2026-11-23 00:48:07.159 [FATAL][9] startup/startup.go 324: Failed to write it"),
            "start-up-error",
            id="the last word of v3",
        ),
        pytest.param(
            (
                NEW_START,
                "2026-11-23 00:48:07.159 [FATAL][48] tunnel-ip-allocator/allocateip.go 446: " + NO_ADDRESS,
                BAD,
            ),
            "tunnel-address-missing",
            id="no address for its tunnel",
        ),
    ],
)
def test_the_last_start_of_any_release(lines: tuple[str, ...], code: str | None) -> None:
    hint = telling_line(lines)
    assert (hint.code if hint else None) == code


def test_the_cure_names_the_methods_of_the_release() -> None:
    old, new = (telling_line((f"Invalid IP {word} method: eth0",)) for word in ("autodection", "autodetection"))
    assert old is not None
    assert new is not None
    assert "cidr=" not in old.cure
    assert "cidr=" in new.cure


@pytest.mark.parametrize("host", hosts(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_the_recorded_container_that_exited_has_a_telling_line(host: Path) -> None:
    hint = telling_line(log_tail(host / "container.log"))
    if (host.parent.name, host.name) == ("address-already-in-use", "host2"):
        assert hint is not None
        assert hint.code == "address-conflict"
        assert hint.sentence == ("calico/node refuses the address 172.17.0.1: node host3 is already registered with it")
        assert (hint.address, hint.node) == ("172.17.0.1", "host3")
    else:
        assert hint is None


TEXTS = {
    "no address found by the method": (
        "[WARNING][9] startup/startup.go 1: Couldn't autodetect an IPv4 address. If auto-detecting, choose",
        "address-not-found",
    ),
    "the same in v1.3.0": ("ERROR: Couldn't autodetect a management IPv4 address:", "address-not-found"),
    "an old address is kept": (
        "Autodetection of IPv4 address failed, keeping existing value: 10.77.0.13/24", "address-kept",
    ),
    "the address is not on this host": (
        "Unable to confirm IPv4 address 10.0.0.9 is assigned to this host", "address-not-local",
    ),
    "a conflict in v1.0.0": ("ERROR: IP address 10.0.0.1 is already in use by host h1. Calico", "address-conflict"),
    "a conflict in v1.3.0": ("Calico node 'h1' is already using the IPv4 address 10.0.0.1:", "address-conflict"),
    "a method in v1.3.0": ("ERROR: Invalid IP autodection method: eth1", "method-invalid"),
    "the BGP port is taken": ("bird: BGP: Socket error: bind: Address already in use", "bgp-port-taken"),
    "the BGP port is taken (musl)": ("bird: BGP: Socket error: listen: Address in use", "bgp-port-taken"),
    "the AS numbers differ": ("bird: Mesh_10_0_0_2: Error: Bad peer AS: 64999", "peer-as"),
    "etcd's certificate is from another CA": (
        "error=x509: certificate signed by unknown authority", "datastore-certificate",
    ),
    "etcd refuses the user": ("Connection to the datastore is unauthorized", "datastore-unauthorized"),
    "the Kubernetes API does not know the token": (
        "Connection to the datastore is unauthorized error=connection is unauthorized: Unauthorized",
        "datastore-unauthorized",
    ),
    "etcd does not answer": ("Hit error connecting to datastore - retry", "datastore-unreachable"),
    "no endpoints": (
        "ERROR: Error accessing the Calico datastore: no etcd endpoints specified", "datastore-settings",
    ),
    "other trouble with etcd's client": (
        "ERROR: Error accessing the Calico datastore: could not initialize etcdv3 client: tls: failed to find any PEM",
        "datastore-settings",
    ),
    "no place for the name": ("/var/lib/calico/nodename does not exist, exiting", "nodename-file-missing"),
    "a mount is missing": (
        "Expected /var/run/calico to be mounted into the container but it wasn't present.", "mount-missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "code"), TEXTS.values(), ids=TEXTS)
def test_texts_of_other_faults_and_releases(line: str, code: str) -> None:
    hint = telling_line((NEW_START, line, "Calico node failed to start"))
    assert hint is not None
    assert (hint.code, hint.line) == (code, line)


@pytest.mark.parametrize(
    "error",
    [
        "Unauthorized",
        'nodes "host1" is forbidden: User "system:serviceaccount:kube-system:x" cannot get resource "nodes"',
        'ippools.crd.projectcalico.org is forbidden: User "x" cannot list resource "ippools"',
    ],
)
def test_what_the_kubernetes_api_refuses_is_not_put_down_to_etcd(error: str) -> None:
    hint = telling_line((NEW_START, f"{STARTUP}Terminating error=connection is unauthorized: {error}"))
    assert hint is not None
    assert hint.sentence == f"the Kubernetes API refuses calico/node's account: {error}"
    assert "KUBECONFIG" in hint.cure


def test_the_address_of_a_conflict_has_no_punctuation() -> None:
    hint = telling_line((CONFLICT,))
    assert hint is not None
    assert "172.17.0.1:" in hint.sentence
    assert "172.17.0.1." not in hint.sentence


def test_the_reason_stands_before_what_came_of_it() -> None:
    kept = f"{STARTUP}Autodetection of IPv4 address failed, keeping existing value: 10.0.0.1/24"
    hint = telling_line((NEW_START, kept, CONFLICT, "Calico node failed to start"))
    assert hint is not None
    assert hint.code == "address-conflict"


def test_an_earlier_start_does_not_explain_this_one() -> None:
    assert telling_line((NEW_START, CONFLICT, "Calico node failed to start", NEW_START, "bird: Started")) is None


def test_a_start_that_went_past_the_datastore_does_not_wait_for_it() -> None:
    assert telling_line((NEW_START, f"{STARTUP}Skipping datastore connection test", "bird: Started")) is None


def test_the_noise_after_start_up_means_nothing() -> None:
    assert telling_line((NEW_START, "bird: Started", *NOISE)) is None


def test_noise_does_not_hide_that_start_up_waits() -> None:
    hint = telling_line((NEW_START, f"{STARTUP}Skipping datastore connection test", *NOISE, ""))
    assert hint is not None
    assert hint.code == "datastore-waiting"


def test_an_empty_log_tells_nothing() -> None:
    assert telling_line(()) is None
    assert knocks(()) == ()


def test_the_healthy_host_knows_the_culprits_true_address() -> None:
    (peer,) = knocks(log_lines(log_tail(CAPTURES / "docker-bridge-address" / "host1" / "container.log")))
    assert peer.address == ip_address("10.77.0.13")
    assert len(peer.at) > 1
    assert list(peer.at) == sorted(peer.at)


KNOCK = "bird: BGP: Unexpected connect from unknown address {} (port 50715)"


def test_who_knocks_most_often_comes_first() -> None:
    lines = [KNOCK.format(text) for text in ("fd00::1", "10.0.0.1", "10.0.0.1", "300.1.1.1", "10.0.")]
    assert knocks(log_lines(lines)) == (Knocks(ip_address("10.0.0.1")), Knocks(ip_address("fd00::1")))


@pytest.mark.parametrize(
    ("lines", "moment"),
    [
        pytest.param((f"2026-11-26T21:35:02.074123456Z {KNOCK}",), "21:35:02.074123", id="the Engine's time"),
        pytest.param((f"2026-11-26T22:35:02.5+01:00 {KNOCK}",), "21:35:02.500000", id="the Engine's in a zone"),
        pytest.param((f"2026-11-26_21:28:44.38103 {KNOCK}",), "21:28:44.381030", id="a file that svlogd wrote"),
        pytest.param(
            ("2026-11-26 21:36:03.162 [INFO][82] asm_amd64.s 1771: Finished", KNOCK),
            "21:36:03.162000",
            id="as old as the line of Felix before it",
        ),
        pytest.param(
            ('time="2026-11-26T21:39:08Z" level=info msg="Ready flag is now set" ', KNOCK),
            "21:39:08.000000",
            id="as old as the line of start-up before it",
        ),
        pytest.param(
            ("2026-11-26T21:05:33Z host3 confd[205]: ERROR template", KNOCK), "21:05:33.000000", id="after confd of 2.x"
        ),
        pytest.param((KNOCK, "2026-11-26 21:36:03.162 [INFO][82] x.go 1: Finished"), None, id="before any time"),
        pytest.param((f"2026-99-26T21:35:02.074123456Z {KNOCK}",), None, id="a time that is none"),
    ],
)
def test_a_knock_has_its_moment(lines: tuple[str, ...], moment: str | None) -> None:
    (found,) = knocks(log_lines(line.format("10.0.0.1") for line in lines))
    assert found.at == ((datetime.fromisoformat(f"2026-11-26T{moment}+00:00"),) if moment else ())


def test_the_engines_time_is_no_part_of_the_line() -> None:
    assert log_lines(["2026-11-26T21:35:02.074123456Z bird: Started", "2026-11-26T21:35:02.1Z "]) == (
        LogLine("bird: Started", datetime(2026, 11, 26, 21, 35, 2, 74123, UTC)),
        LogLine("", datetime(2026, 11, 26, 21, 35, 2, 100000, UTC)),
    )


def frame(stream: int, text: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(text).to_bytes(4) + text


@pytest.mark.parametrize(
    ("stream", "tty", "lines"),
    [
        pytest.param(b"", False, (), id="an empty log"),
        pytest.param(frame(1, b"out\n") + frame(2, b"err\n"), False, ("out", "err"), id="both streams in their order"),
        pytest.param(frame(1, b"ha") + frame(1, b"lf\n"), False, ("half",), id="a line in two frames"),
        pytest.param(frame(1, b"whole\n") + frame(1, b"cut\n")[:-2], False, ("whole",), id="a frame that is cut off"),
        pytest.param(frame(1, b"whole\n") + b"\1\0\0", False, ("whole",), id="a header that is cut off"),
        pytest.param(b"a\r\nb\r\n", True, ("a", "b"), id="a terminal has no frames"),
        pytest.param(frame(1, b"\xff\n"), False, ("�",), id="bytes that are no text"),
        pytest.param(frame(1, b"x" * 5000), False, ("x" * 1000,), id="a long line is cut"),
    ],
)
def test_the_answer_of_the_engine_becomes_lines(stream: bytes, tty: bool, lines: tuple[str, ...]) -> None:
    assert tuple(line.text for line in decode_log(stream, tty=tty)) == lines


@given(stream=st.binary(), tty=st.booleans())
def test_any_bytes_are_lines(stream: bytes, tty: bool) -> None:
    assert all(len(line.text) <= 1000 for line in decode_log(stream, tty=tty))


@given(lines=st.lists(st.one_of(st.text(), st.sampled_from([text for text, _ in TEXTS.values()]))).map(tuple))
def test_any_lines_can_be_read(lines: tuple[str, ...]) -> None:
    hint = telling_line(lines)
    assert hint is None or any(hint.line in line for line in lines)
    knocks(log_lines(lines))


FELIX = "2026-11-23 00:48:{} [{}][12] felix/daemon.go 1019: {}"
BY_DESIGN = (
    FELIX.format("07.159", "WARNING", "IPIP and/or VXLAN encapsulation changed, need to restart."),
    FELIX.format("07.160", "WARNING", 'Felix is shutting down reason="encapsulation changed"'),
    FELIX.format("07.161", "INFO", 'Sleeping to avoid tight restart loop. reason="encapsulation changed"'),
    FELIX.format("09.161", "INFO", "Exiting for encapsulation change rc=129"),
)
MOMENT = datetime(2026, 11, 23, 0, 48, 7, 160000, UTC)


@pytest.mark.parametrize(
    ("lines", "ends"),
    [
        pytest.param(BY_DESIGN, (MOMENT,), id="once, in several lines"),
        pytest.param(BY_DESIGN[:2], (MOMENT,), id="with INFO left out"),
        pytest.param(
            (FELIX.format("07.160", "WARNING", 'Felix is shutting down reason="config changed"'),),
            (MOMENT,),
            id="settings",
        ),
        pytest.param(
            (*BY_DESIGN, FELIX.format("37.160", "INFO", "Exiting for config change rc=129")),
            (MOMENT, MOMENT + timedelta(seconds=30)),
            id="twice",
        ),
        pytest.param(("Exiting for config change",), (), id="nobody knows when"),
        pytest.param((FELIX.format("07.160", "FATAL", 'Exiting. reason="fatal error"'),), (), id="for an error"),
        pytest.param((FELIX.format("07.160", "ERROR", "panic: runtime error"),), (), id="a crash"),
        pytest.param(("2026-11-23_00:48:07.16000 " + BY_DESIGN[3],), (MOMENT,), id="in a file, after svlogd's time"),
    ],
)
def test_when_felix_ended_for_other_settings(lines: tuple[str, ...], ends: tuple[datetime, ...]) -> None:
    assert felix_ends(log_lines(lines)) == ends


def timed(*moments: int | None) -> tuple[LogLine, ...]:
    return tuple(LogLine(str(each), None if each is None else second(each)) for each in moments)


def second(number: int) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=number)


@pytest.mark.parametrize(
    ("log", "started", "finished", "first"),
    [
        pytest.param(timed(10, 20, 30), None, None, 0, id="never started"),
        pytest.param(timed(10, 20, 30), 10, None, 0, id="its first run"),
        pytest.param(timed(10, 20, 30), 25, 21, 2, id="started again, and the Engine knows when the last run ended"),
        pytest.param(
            timed(10, 24, 30), 25, 31, 1, id="ended: a line may be older than the start that was written down"
        ),
        pytest.param(timed(10, 20, 30), 25, 31, 2, id="ended: the lines of the run before are left out"),
        pytest.param(timed(None, None, 30), 25, 21, 0, id="lines of which nobody knows"),
        pytest.param(timed(30, 5, 6), 25, 21, 0, id="the clock was set back during the run"),
        pytest.param(timed(5, 6, 7), 25, 21, 0, id="the clock was set back, and the run's first lines are gone"),
        pytest.param((), 25, 21, 0, id="an empty log"),
    ],
)
def test_the_lines_of_the_last_run(log: tuple[LogLine, ...], started: int, finished: int, first: int) -> None:
    found = of_last_run(log, *(None if each is None else second(each) for each in (started, finished)))
    assert found == log[first:]
