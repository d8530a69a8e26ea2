"""Units as they were written by hand, by guides and by installers: what each says of its container and does beside."""

from collections.abc import Mapping

import pytest

from calico_agent.adopt.described import Described, NotTakenOver
from calico_agent.adopt.translate import translate
from calico_agent.adopt.unit.kubespray import describe_kubespray
from calico_agent.adopt.unit.unit import Unit, describe_unit
from tests.adopt.shapes import CERTIFICATES, UNIT_ENV, UNIT_MOUNTS, UNIT_OF_2017

ENV_FILE = "/etc/calico/calico.env"


class Files:
    """Files that are texts here."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def read(self, path: str, place: str) -> str | None:  # noqa: ARG002
        return self._files.get(path)

    def matching(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(path for path in self._files if path.startswith(pattern.partition("*")[0])))


def described(service: str, files: Mapping[str, str] | None = None, *drop_ins: str) -> Described:
    texts = [("calico-node.service", f"[Service]\n{service}")]
    texts += [(f"{number}.conf", f"[Service]\n{text}") for number, text in enumerate(drop_ins)]
    specifiers = {"H": "host1", "n": "calico-node.service"}
    return describe_unit(Unit(tuple(texts), specifiers), Files(files or {}), origin="unit calico-node.service")


def values(found: Described) -> dict[str, str]:
    return {name: given.value for name, given in found.env.items()}


FOUNDING = "\n".join(
    [
        "[Unit]\nDescription=calico node\nAfter=docker.service\nRequires=docker.service\n",
        "[Service]\nUser=root\nPermissionsStartOnly=true",
        "ExecStart=/usr/bin/docker run --net=host --privileged --name=calico-node \\",
        *(f"  -e {name}={value} \\" for name, value in UNIT_ENV.items()),
        *(f"  -v {path}:{path} \\" for path in UNIT_MOUNTS),
        "  calico/node:v1.3.0",
        "ExecStop=/usr/bin/docker rm -f calico-node\nRestart=always\nRestartSec=10\n",
        "[Install]\nWantedBy=multi-user.target",
    ]
)


def test_the_unit_of_2017() -> None:
    found = describe_unit(Unit((("u", FOUNDING),), {}), Files({}), origin=UNIT_OF_2017.origin)
    assert values(found) == UNIT_ENV
    assert [given.mount for given in found.mounts] == [given.mount for given in UNIT_OF_2017.mounts]
    assert (found.env["IP"].place, found.restart.value) == ("u:11", "always, by systemd")
    assert translate(found).settings == translate(UNIT_OF_2017).settings
    (remark,) = found.remarks
    assert (remark.subject, remark.lost) == ("ExecStop", False)
    assert translate(found).lossless


def test_a_unit_that_takes_its_values_from_a_file() -> None:
    service = (
        f"Environment=CALICO_AS=1 CALICO_IP=10.0.0.1\nEnvironmentFile={ENV_FILE}\nEnvironmentFile=-/etc/none.env\n"
        "ExecStartPre=-/usr/bin/docker rm -f calico-node\n"
        "ExecStart=/usr/bin/docker run --net=host --privileged --name=calico-node -e IP=${CALICO_IP} "
        "-e AS=${CALICO_AS} -e IP6=${CALICO_IP6} -e NODENAME=%H -e ETCD_ENDPOINTS quay.io/calico/node:v2.6.12\n"
        "ExecStop=-/usr/bin/docker stop calico-node\nRestart=on-failure"
    )
    files = {ENV_FILE: 'CALICO_IP="10.77.0.11"\nETCD_ENDPOINTS=http://127.0.0.1:2379\n'}
    found = described(service, files)
    assert values(found) == {
        "IP": "10.77.0.11",
        "AS": "1",
        "IP6": "",
        "NODENAME": "host1",
        "ETCD_ENDPOINTS": "http://127.0.0.1:2379",
    }
    assert found.env["ETCD_ENDPOINTS"].place == f"{ENV_FILE}:2"
    assert not any(remark.lost for remark in found.remarks)


def test_a_drop_in_takes_the_place_of_what_it_resets() -> None:
    found = described(
        "Environment=IP=10.0.0.1\nExecStart=/usr/bin/docker run calico/node:v1\nRestart=always",
        None,
        "Environment=IP=10.0.0.2",
        "ExecStart=\nExecStart=/usr/bin/docker run -e IP --name calico-node calico/node:v2\nRestart=no",
    )
    assert (found.image.value, values(found), found.restart.value) == ("calico/node:v2", {"IP": "10.0.0.2"}, "no")
    assert found.env["IP"].place == "0.conf:2"


def test_a_container_that_is_made_before_it_is_started() -> None:
    found = described(
        "ExecStartPre=-/usr/bin/docker create --name calico-node -e A=1 calico/node:v1\n"
        "ExecStart=/usr/bin/docker start -a calico-node"
    )
    assert values(found) == {"A": "1"}
    assert not any(remark.lost for remark in found.remarks)


def test_variables_are_as_systemd_knows_them() -> None:
    """`$NAME` in a value of Environment= is text for systemd, and a drop-in's specifier may be unknown here."""
    found = described(
        "Environment=NODENAME=${ADVERTISE_IP} IP=%A\nExecStart=/usr/bin/docker run -e NODENAME -e IP calico/node"
    )
    assert found.env["NODENAME"].value == "${ADVERTISE_IP}"
    assert "'%A' is not known here" in found.env["IP"].unknown


DEEDS = {
    "ExecStartPre=/usr/bin/docker pull calico/node:v1": False,
    "ExecStartPre=-/usr/bin/docker kill calico-node": False,
    "ExecStartPre=/usr/bin/mkdir -p /var/run/calico": False,
    "ExecStartPre=/bin/mkdir -p /opt/elsewhere": True,
    "ExecStartPre=/sbin/modprobe -a xt_set ip6_tables": True,
    "ExecStartPre=/sbin/sysctl -w net.ipv4.ip_forward=1": True,
    "ExecStartPre=/bin/sleep 10": False,
    "ExecStartPre=/bin/sh -c 'until curl -s http://127.0.0.1:2379; do sleep 1; done'": True,
    "ExecStartPost=/usr/local/bin/calicoctl apply -f /etc/pools.yaml": True,
    "ExecStopPost=-/usr/bin/docker rm -f calico-node": False,
    "ExecStop=/usr/bin/docker stop calico-node": False,
    "ExecReload=/usr/bin/docker restart calico-node": False,
    "ExecCondition=/usr/bin/test -e /etc/calico": True,
}


@pytest.mark.parametrize(("line", "lost"), DEEDS.items())
def test_what_it_does_beside(line: str, lost: bool) -> None:
    found = described(
        f"{line}\nExecStart=/usr/bin/docker run --name calico-node -v /var/run/calico:/var/run/calico calico/node"
    )
    (remark,) = found.remarks
    assert (remark.subject, remark.place, remark.lost) == (line.partition("=")[0], "calico-node.service:2", lost)


def test_a_command_is_shown_as_it_is_written() -> None:
    service = "Environment=TOKEN=hush\nExecStartPre=/bin/curl -u ${TOKEN} x\nExecStart=/usr/bin/docker run calico/node"
    (remark,) = described(service).remarks
    assert "hush" not in remark.was


FAULTS = {
    "no docker": (
        "ExecStart=/usr/bin/etcd",
        "calico-node.service:2: ExecStart= runs '/usr/bin/etcd', and no `docker run`",
    ),
    "nothing at all": ("Type=simple", "calico-node.service: has no ExecStart=: it runs nothing"),
    "two of them": (
        "Type=oneshot\nExecStart=/bin/docker run calico/node\nExecStart=/bin/docker run calico/node",
        "calico-node.service:4: is a second `docker run`: which one is calico/node?",
    ),
    "another image": ("ExecStart=/bin/docker run redis", "calico-node.service:2: runs the image 'redis'"),
    "calicoctl": (
        "ExecStart=/opt/bin/calicoctl node run --node-image=calico/node:v1",
        "calico-node.service:2: starts calico/node by `calicoctl node run`",
    ),
    "a wrapper": ("ExecStart=/usr/local/sbin/charm-env conctl run x", "while it runs, import --container NAME does"),
    "Podman": ("ExecStart=/usr/bin/podman run calico/node", "calico-node.service:2: runs the container with Podman"),
    "a script": (
        "ExecStart=/bin/sh -c 'docker rm -f calico-node; docker run calico/node'",
        "calico-node.service:2: has ';'",
    ),
    "a quote that stays open": (
        'ExecStart=/bin/docker run \\\n -e "A=1 \\\n calico/node',
        'calico-node.service:3: a " is opened and not closed',
    ),
    "a file that is not there": (
        "EnvironmentFile=/etc/none.env\nExecStart=/bin/docker run calico/node",
        "calico-node.service:2: the environment file /etc/none.env is not there, so systemd would not start this unit",
    ),
    "an option that does not exist": (
        "ExecStart=/bin/docker run \\\n --net=host \\\n --nett=host calico/node",
        "calico-node.service:4: `docker run` has no option --nett (did you mean --net?)",
    ),
    "options that are not known": (
        "ExecStart=/bin/docker run %A calico/node",
        "calico-node.service:2: what systemd puts in",
    ),
}


@pytest.mark.parametrize(("service", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_taken_is_refused_with_its_line(service: str, fault: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        described(service)
    assert fault in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_unit_of_another_kind_is_refused() -> None:
    with pytest.raises(NotTakenOver, match=r"has no section \[Service\]"):
        describe_unit(Unit((("x.timer", "[Timer]\nOnBootSec=1"),), {}), Files({}), origin="x")


KUBESPRAY = """ETCD_ENDPOINTS="https://10.77.0.1:2379,https://10.77.0.2:2379"
ETCD_CA_CERT_FILE="/etc/calico/certs/ca_cert.crt"
ETCD_CERT_FILE="/etc/calico/certs/cert.crt"
ETCD_KEY_FILE="/etc/calico/certs/key.pem"
CALICO_IP="10.77.0.11"
CALICO_IP6=""
CLUSTER_TYPE="kubespray,bgp"
CALICO_NO_DEFAULT_POOLS="true"
CALICO_LIBNETWORK_ENABLED="true"
CALICO_HOSTNAME="host1"
"""


def test_the_file_of_kubespray() -> None:
    found = describe_kubespray(ENV_FILE, KUBESPRAY, Files({ENV_FILE: KUBESPRAY}))
    translation = translate(found)
    assert (found.env["HOSTNAME"].value, found.env["HOSTNAME"].place) == ("host1", f"{ENV_FILE}:10")
    assert translation.settings["identity", "name"] == "host1"
    assert translation.settings["identity", "ipv4"] == "10.77.0.11"
    assert translation.settings["datastore", "api"] == "v2"
    assert translation.settings["datastore", "key_file"] == "/etc/calico/certs/key.pem"
    assert {key for key, _ in translation.fill_in} == {("node", "image"), ("node", "env")}
    lost = {one.subject for one in translation.differences if one.lost}
    assert lost == {"FELIX_DEFAULTENDPOINTTOHOSTACTION", "memory", "cpu_shares"}


def test_a_variable_that_the_unit_of_kubespray_does_not_give_is_lost() -> None:
    """The file of Calico's own guide has the same name, and others in it."""
    text = f"{KUBESPRAY}CALICO_NODENAME=host9\nMY_TOKEN=hush\n"
    differences = translate(describe_kubespray(ENV_FILE, text, Files({ENV_FILE: text}))).differences
    told = {one.subject: (one.was, one.place, one.lost) for one in differences}
    assert told["CALICO_NODENAME"] == ("host9", f"{ENV_FILE}:11", True)
    assert told["MY_TOKEN"] == ("(not shown)", f"{ENV_FILE}:12", True)


def test_the_unit_of_kubespray_with_its_file() -> None:
    """HOSTNAME in the place of NODENAME, a directory of certificates, limits, and no /var/lib/calico."""
    service = (
        f"EnvironmentFile={ENV_FILE}\nExecStartPre=-/usr/bin/docker rm -f calico-node\n"
        "ExecStart=/usr/bin/docker run --net=host --privileged --name=calico-node "
        "-e HOSTNAME=${CALICO_HOSTNAME} -e IP=${CALICO_IP} -e IP6=${CALICO_IP6} -e AS=${CALICO_AS} "
        "-e NO_DEFAULT_POOLS=${CALICO_NO_DEFAULT_POOLS} -e ETCD_ENDPOINTS=${ETCD_ENDPOINTS} "
        "-e ETCD_CA_CERT_FILE=${ETCD_CA_CERT_FILE} -e ETCD_CERT_FILE=${ETCD_CERT_FILE} "
        "-e ETCD_KEY_FILE=${ETCD_KEY_FILE} -v /lib/modules:/lib/modules -v /etc/calico/certs:/etc/calico/certs:ro "
        "--memory=500M --cpu-shares=300 quay.io/calico/node:v2.5.0\nRestart=always\nRestartSec=10s\n"
        "ExecStop=-/usr/bin/docker stop calico-node"
    )
    translation = translate(described(service, {ENV_FILE: KUBESPRAY}))
    assert translation.lossless
    assert translation.settings["node", "memory"] == "500M"
    assert translation.settings["node", "cpu_shares"] == 300
    assert "/run/docker/plugins" in translation.settings["node", "without"]  # type: ignore[operator]
    gone = {one.subject for one in translation.differences if not one.becomes}
    assert gone >= {"HOSTNAME", "/etc/calico/certs", "IP6", "restart"} - {"restart"}


def test_the_certificates_of_the_shapes_are_files() -> None:
    assert set(CERTIFICATES.values()) <= set(UNIT_MOUNTS)
