"""The configuration: where values come from, which are refused and in which words, and the annotated file."""

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.config import Config, load
from calico_agent.config.keys import schema_keys, variable_name
from calico_agent.config.show import render_config
from calico_agent.errors import ConfigError
from calico_agent.model.container.container import Mount
from calico_agent.model.settings import (
    AddressSettings,
    DriftPolicy,
    EtcdApi,
    KubernetesSettings,
    Mode,
    OnChange,
    Preset,
)
from tests.places import REPOSITORY

ANNOTATED = REPOSITORY / "config" / "calico-agent.toml"


def load_text(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None, **flags: str) -> Config:
    file = tmp_path / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ or {}, {("", name): value for name, value in flags.items()})


def faults_of(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The faults, without the name of the file, each of which must be one printable line."""
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text, environ)
    assert all(fault.isprintable() and len(fault) < 400 for fault in caught.value.faults)
    return [fault.removeprefix(f"{tmp_path}/agent.toml: ") for fault in caught.value.faults]


class TestAnnotatedFile:
    def test_has_every_key_with_its_default(self) -> None:
        tree = tomllib.loads(ANNOTATED.read_text(encoding="utf-8"))
        assert tree == json.loads(msgspec.json.encode(Config()))

    def test_has_the_keys_in_the_order_of_the_schema(self) -> None:
        tree = tomllib.loads(ANNOTATED.read_text(encoding="utf-8"))
        keys = [
            (section, name) for section, value in tree.items() for name in (value if isinstance(value, dict) else [""])
        ]
        expected = [(section or name, name if section else "") for section, name in schema_keys()]
        assert [key for key in keys if key[0] != "mode"] == [key for key in expected if key[0] != "mode"]

    def test_is_accepted_and_equals_no_file_at_all(self) -> None:
        assert load(ANNOTATED, {}) == Config()


class TestSources:
    def test_an_absent_usual_file_means_the_defaults(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("calico_agent.paths.CONFIG_FILE", str(tmp_path / "none.toml"))
        assert load(None, {}) == Config()

    def test_an_absent_named_file_is_a_fault(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no such file"):
            load(tmp_path / "none.toml", {})

    def test_a_variable_wins_over_the_file_and_a_flag_over_both(self, tmp_path: Path) -> None:
        text = '[log]\nlevel = "debug"\n[identity]\nname = "file"'
        file = tmp_path / "agent.toml"
        file.write_text(text, encoding="utf-8")
        environ = {"CALICO_AGENT_LOG_LEVEL": "warning", "CALICO_AGENT_IDENTITY_NAME": "variable"}
        config = load(file, environ, {("log", "level"): "error"})
        assert (config.log.level, config.identity.name) == ("error", "variable")

    def test_variables_are_text_and_become_numbers_lists_and_tables(self) -> None:
        config = load(
            ANNOTATED,
            {
                "CALICO_AGENT_MODE": "observe",
                "CALICO_AGENT_AGENT_INTERVAL_SECONDS": "2.5",
                "CALICO_AGENT_DATASTORE_ENDPOINTS": "http://10.0.0.1:2379, http://[fd00::1]:2379",
                "CALICO_AGENT_SUPERVISE_TAKE_OVER": "true",
                "CALICO_AGENT_NODE_ENV": "A=1,B=x=y",
                "CALICO_AGENT_NODE_MOUNTS": "/a:/b,/c:/d:ro",
                "PATH": "/bin",
            },
        )
        assert config.interval == timedelta(seconds=2.5)
        assert config.datastore.endpoints == ("http://10.0.0.1:2379", "http://[fd00::1]:2379")
        assert config.supervise.take_over is True
        assert config.node_settings().env == (("A", "1"), ("B", "x=y"))
        assert config.node_settings().mounts == (Mount("/a", "/b"), Mount("/c", "/d", read_only=True))

    def test_every_key_has_a_variable_of_its_own(self) -> None:
        names = [variable_name(key) for key in schema_keys()]
        assert len(names) == len(set(names))


# What is wrong, and the words a person gets.
FAULTS: list[tuple[str, str, str]] = [
    ("a value that is no address", '[identity]\nipv4 = "10.0.0.300"',
     '[identity] ipv4: "10.0.0.300" is not an IPv4 address (wanted "auto", "none" or an address)'),
    ("an IPv6 address for IPv4", '[identity]\nipv4 = "fd00::1"',
     '[identity] ipv4: "fd00::1" is not an IPv4 address (wanted "auto", "none" or an address)'),
    ("an address that nobody can reach", '[identity]\nipv4 = "127.0.0.1"',
     ('[identity] ipv4: "127.0.0.1" is not an address that other hosts can reach '
     '(wanted "auto", "none" or an address)')),
    ("no family at all", '[identity]\nipv4 = "none"',
     '[identity] ipv4: is "none" and so is ipv6: a node needs an address of one family'),
    ("a mistyped key", '[identity]\nipvf4 = "auto"', '[identity]: unknown key "ipvf4" (did you mean "ipv4"?)'),
    ("a mistyped section", "[datastor]\n", 'unknown section "datastor" (did you mean "datastore"?)'),
    ("a key of another section", '[agent]\nendpoints = []',
     '[agent]: unknown key "endpoints" (it belongs to [datastore])'),
    ("a top key in a section", '[agent]\nmode = "observe"',
     '[agent]: unknown key "mode" (it belongs to the top of the file)'),
    ("a key where a section belongs", "agent = 5", "agent: 5 is not a section (wanted [agent])"),
    ("an unknown pull policy", '[node]\npull = "often"', '[node] pull: "often" is not "missing", "never" or "always"'),
    ("credentials at a relative path", '[docker]\ncredentials = "config.json"',
     ('[docker] credentials: "config.json" is not an absolute path '
     '(wanted an absolute path, or "" for the usual one)')),
    ("an unknown mode", 'mode = "watch"', 'mode: "watch" is not "observe" or "supervise"'),
    ("text for a number", '[agent]\ninterval_seconds = "ten"',
     '[agent] interval_seconds: "ten" is not a number of seconds from 1 to 3600'),
    ("a number out of range", "[agent]\ninterval_seconds = 0",
     "[agent] interval_seconds: 0 is not a number of seconds from 1 to 3600"),
    ("not a number", "[agent]\ninterval_seconds = nan",
     "[agent] interval_seconds: NaN is not a number of seconds from 1 to 3600"),
    ("true for a number", "[agent]\nhold_down_seconds = true",
     "[agent] hold_down_seconds: true is not a number of seconds from 0 to 3600"),
    ("one endpoint of several", '[datastore]\nendpoints = ["http://10.0.0.1:2379", "10.0.0.2:2379"]',
     '[datastore] endpoints: "10.0.0.2:2379" is not an endpoint URL (wanted a URL like https://10.0.0.1:2379)'),
    ("a port that cannot be", '[datastore]\nendpoints = ["http://10.0.0.1:99999"]',
     '[datastore] endpoints: "http://10.0.0.1:99999" is not a URL (wanted a URL like https://10.0.0.1:2379)'),
    ("a broken URL", '[datastore]\nendpoints = ["http://[::1"]',
     '[datastore] endpoints: "http://[::1" is not a URL (wanted a URL like https://10.0.0.1:2379)'),
    ("a password in an endpoint", '[datastore]\nendpoints = ["http://me:secret@10.0.0.1:2379"]',
     '[datastore] endpoints: "http://(not shown)@10.0.0.1:2379" carries a user name; '),
    ("two schemes", '[datastore]\nendpoints = ["http://10.0.0.1:2379", "https://10.0.0.2:2379"]',
     "[datastore] endpoints: mixes http and https"),
    ("a relative path", '[datastore]\nca_file = "ca.crt"',
     '[datastore] ca_file: "ca.crt" is not an absolute path (wanted an absolute path, or "" for none)'),
    ("a Docker address that is none", '[docker]\nurl = "docker.sock"',
     '[docker] url: "docker.sock" is not the address of a Docker Engine (wanted unix:///path or tcp://host:port)'),
    ("an address without a port", '[http]\nlisten = "localhost"',
     ('[http] listen: "localhost" is not an address with a port '
     '(wanted an address with a port like 127.0.0.1:9197, or "" for off)')),
    ("the agent's own variable", '[node]\nenv = { IP = "10.0.0.1" }',
     "[node] env: a table sets IP, which the agent sets: use [identity] ipv4 (wanted a table of texts)"),
    ("a mount with a way out", '[node]\nmounts = ["/a/../../b:/c"]',
     ('[node] mounts: "/a/../../b:/c" is not a bind mount of absolute paths '
     "(wanted source:destination or source:destination:ro)")),
    ("a node name in capitals", '[identity]\nname = "Host1"',
     ('[identity] name: "Host1" is not a node name that Calico accepts '
     '(wanted a node name like host1, or "" for the host name; capitals and "_" with [datastore] api = "v2")')),
    ("a node name that no Calico takes", '[datastore]\napi = "v2"\n[identity]\nname = "host 1"',
     ('[identity] name: "host 1" is not a node name that Calico accepts '
     '(wanted a node name like host1, or "" for the host name)')),
    ("waits that shrink", "[supervise]\nbackoff_initial_seconds = 400",
     "[supervise] backoff_initial_seconds: is larger than backoff_max_seconds"),
    ("an image that no registry has", '[node]\nimage = "Calico/Node:::v3"',
     '[node] image: "Calico/Node:::v3" is not an image reference (wanted an image reference like calico/node:v3.31.7)'),
    ("the address of a network", '[identity]\nipv4 = "10.0.0.0/24"',
     '[identity] ipv4: "10.0.0.0/24" is the address of the network 10.0.0.0/24, not of a host in it '),
    ("the broadcast address of a network", '[identity]\nipv4 = "10.0.0.255/24"',
     '[identity] ipv4: "10.0.0.255/24" is the broadcast address of the network 10.0.0.0/24, not of a host in it '),
    ("the address of all routers of a network", '[identity]\nipv6 = "fd00::/64"',
     '[identity] ipv6: "fd00::/64" is the address of all routers in the network fd00::/64, not of a host in it '),
    ("a socket with a path too long", f'[http]\nsocket = "/{"x" * 200}"',
     f'[http] socket: "/{"x" * 68}..." is longer than the 107 bytes that a socket\'s path may have '),
    ("a Docker socket with a path too long", f'[docker]\nurl = "unix:///{"x" * 200}"',
     f'[docker] url: "unix:///{"x" * 61}..." is longer than the 107 bytes that a socket\'s path may have '),
    ("a text without quotes", "mode = supervise  # at last", 'line 1: a text wants quotes: mode = "..."'),
    ("a password without quotes", "[node.env]\nMY_PASSWORD = hunter2",
     'line 2: a text wants quotes: MY_PASSWORD = "..."'),
    ("a section twice", "[agent]\n[log]\n[agent]\n", "the section [agent] is there twice, the second time in line 3"),
    ("a table twice", "[node.env]\nA = '1'\n[node.env]\n",
     "the section [node.env] is there twice, the second time in line 3"),
    ("no TOML", "mode = ", "is not TOML: Invalid value (at end of document)"),
    ("a key twice", 'mode = "observe"\nmode = "observe"',
     "is not TOML: Cannot overwrite a value (at end of document)"),
    ("a key twice, and more after it", 'mode = "observe"\nmode = "observe"\n[agent]\n',
     "the key mode is there twice, the second time in line 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_one_line_that_says_where_what_and_what_was_wanted(tmp_path: Path, text: str, words: str) -> None:
    faults = faults_of(tmp_path, text)
    assert len(faults) == 1
    assert faults[0].startswith(words)


class TestFaults:
    def test_all_are_reported_at_once(self, tmp_path: Path) -> None:
        faults = faults_of(tmp_path, 'mode = "x"\n[identity]\nnme = ""\nipv6 = "y"', {"CALICO_AGENT_LOG_LEVL": "info"})
        assert len(faults) == 4

    def test_an_unknown_variable_names_the_nearest(self, tmp_path: Path) -> None:
        assert faults_of(tmp_path, "", {"CALICO_AGENT_IDENTITY_IPV5": "auto"}) == [
            'unknown environment variable "CALICO_AGENT_IDENTITY_IPV5" (did you mean "CALICO_AGENT_IDENTITY_IPV6"?)'
        ]

    def test_a_wrong_variable_is_named_itself(self, tmp_path: Path) -> None:
        assert faults_of(tmp_path, "", {"CALICO_AGENT_SUPERVISE_TAKE_OVER": "maybe"}) == [
            'CALICO_AGENT_SUPERVISE_TAKE_OVER: "maybe" is not true or false'
        ]

    def test_supervise_needs_an_image_and_a_datastore(self, tmp_path: Path) -> None:
        image, endpoints = faults_of(tmp_path, 'mode = "supervise"')
        assert image.startswith("[node] image: is not set")
        assert endpoints.startswith("[datastore] endpoints: is not set")

    def test_the_generation_of_calico_node_and_the_api_of_etcd_belong_together(self, tmp_path: Path) -> None:
        text = (
            'mode = "supervise"\n[node]\nimage = "calico/node:v1.3.0"\npreset = "v1.3"\n'
            '[datastore]\nendpoints = ["http://10.0.0.1:2379"]\n'
        )
        fault = '[datastore] api: is "v3", but calico/node of [node] preset = "v1.3" uses "v2"'
        assert faults_of(tmp_path, text) == [fault]
        settings = load_text(tmp_path, f'{text}api = "v2"').datastore_settings()
        assert settings is not None
        assert settings.api is EtcdApi.V2

    def test_a_certificate_without_its_key_is_of_no_use(self, tmp_path: Path) -> None:
        certificate = tmp_path / "cert.pem"
        certificate.write_text("x")
        text = f'[datastore]\nendpoints = ["https://10.0.0.1:2379"]\ncert_file = "{certificate}"'
        assert faults_of(tmp_path, text) == ["[datastore] cert_file: is of no use without key_file"]

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('endpoints = ["https://10.0.0.1:2379"]\nkubeconfig = "FILE"', "kubeconfig: is of no use beside endpoints"),
            ('kubeconfig = "FILE"\nservice_account_dir = "/x"', "service_account_dir: is of no use beside kubeconfig"),
            ('kubeconfig = "FILE"\nca_file = "FILE"', "ca_file: is for etcd, and of no use beside kubeconfig"),
            ('kubeconfig_context = "x"', "kubeconfig_context: is of no use without kubeconfig"),
            ("use_pod_cidr = true", "use_pod_cidr: is of no use without kubeconfig or service_account_dir"),
        ],
    )
    def test_what_goes_with_the_kubernetes_api(self, tmp_path: Path, text: str, fault: str) -> None:
        (tmp_path / "file").write_text("x")
        found = faults_of(tmp_path, f"[datastore]\n{text}".replace("FILE", str(tmp_path / "file")))
        assert [one for one in found if one.startswith(f"[datastore] {fault}")], found

    def test_the_kubernetes_api_by_a_kubeconfig_and_by_a_service_account(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("x")
        text = f'[datastore]\nkubeconfig = "{file}"\nkubeconfig_context = "c"\nuse_pod_cidr = true\ntimeout_seconds = 2'
        settings = load_text(tmp_path, text).datastore_settings()
        assert settings is not None
        kubernetes = KubernetesSettings(kubeconfig=str(file), context="c", runs_plugins=True, pod_cidrs=True)
        assert (settings.kubernetes, settings.timeout, settings.kind) == (kubernetes, 2.0, "kubernetes")
        account = load_text(tmp_path, '[datastore]\nservice_account_dir = "/secrets/"').datastore_settings()
        assert account is not None
        assert account.kubernetes is not None
        assert (account.kubernetes.ca_file, account.kubernetes.token_file) == ("/secrets/ca.crt", "/secrets/token")

    @pytest.mark.parametrize(
        ("node", "datastore", "words"),
        [
            ("", 'kubeconfig = "/k"', '[datastore] kubeconfig: is of no use: calico/node of [node] preset = "v3" uses'),
            ('preset = "kubernetes"', "", '[datastore] kubeconfig: is not set (mode "supervise" hands it to'),
            ('preset = "kubernetes"', 'service_account_dir = "/s"', "service_account_dir: is a pod's, and calico/node"),
            (
                'preset = "kubernetes"',
                'endpoints = ["http://10.0.0.1:2379"]',
                "[datastore] endpoints: is for etcd",
            ),
            ('kubeconfig = "/k"', 'endpoints = ["http://10.0.0.1:2379"]', "[node] kubeconfig: is of no use without"),
            (
                'preset = "kubernetes"\nenv = { KUBECONFIG = "/k" }',
                'kubeconfig = "/k"',
                "[node] env: sets KUBECONFIG, which the agent sets: use [node] kubeconfig",
            ),
        ],
    )
    def test_calico_node_is_given_the_datastore_of_its_preset(
        self, tmp_path: Path, node: str, datastore: str, words: str
    ) -> None:
        image = '[node]\nimage = "calico/node:v3.31.7"'
        (found,) = faults_of(tmp_path, f'mode = "supervise"\n{image}\n{node}\n[datastore]\n{datastore}')
        assert words in found

    def test_an_address_from_kubernetes_needs_its_api(self, tmp_path: Path) -> None:
        text = '[identity]\nmethod = "kubernetes-internal-ip"\n[datastore]\n'
        (found,) = faults_of(tmp_path, f'{text}endpoints = ["http://10.0.0.1:2379"]')
        assert "[identity] method: asks the Kubernetes API, but the datastore is etcd" in found
        (tmp_path / "calico-agent.toml").write_text(f'{text}kubeconfig = "/k"')
        assert load(tmp_path / "calico-agent.toml", {}).identity.method == "kubernetes-internal-ip"

    def test_certificates_are_of_no_use_for_http(self, tmp_path: Path) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_text("x")
        text = f'[datastore]\nendpoints = ["http://10.0.0.1:2379"]\nca_file = "{ca}"'
        assert faults_of(tmp_path, text) == [
            "[datastore] ca_file: is of no use with endpoints that are http (wanted https)"
        ]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"\xff\xfe", "is not TOML: byte 0 is not UTF-8"),
            (b"a = " + b"[" * 100_000, "is not TOML: nested too deeply"),
            (b"# " + b"x" * (2 << 20) + b"\nmode = 5", "it is larger than 1 MiB"),
            (b"# x\n" * (1 << 18) + b'mode = "supervise"', "it is larger than 1 MiB"),
            (b"agent.interval_seconds = " + b"9" * 5000, "is not TOML: "),
        ],
        ids=[
            "bytes that are no text",
            "nested without end",
            "far too large",
            "a little too large",
            "a number of 5,000 digits",
        ],
    )
    def test_a_file_that_no_one_wrote_is_refused_in_one_line(self, tmp_path: Path, content: bytes, words: str) -> None:
        file = tmp_path / "agent.toml"
        file.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(file, {})
        assert len(caught.value.faults) == 1
        assert caught.value.faults[0].startswith(f"{file}: {words}")

    def test_the_largest_file_that_is_read_is_read_whole(self, tmp_path: Path) -> None:
        text = b'\nmode = "supervise"'
        (tmp_path / "agent.toml").write_bytes(b"#" * ((1 << 20) - len(text)) + text)
        with pytest.raises(ConfigError, match=r"\[node\] image"):
            load(tmp_path / "agent.toml", {})

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "agent.toml")
        with pytest.raises(ConfigError, match="cannot be read: it is a pipe, not a file"):
            load(tmp_path / "agent.toml", {})

    @pytest.mark.parametrize(
        "image",
        [
            "calico/node",
            "calico/node:v3.31.7",
            "quay.io/calico/node:v1.3.0",
            "registry.example:5000/Team/node".lower(),
            "[fd00::1]:5000/node:latest",
            "localhost/a__b/c-d.e:V1_x",
            f"calico/node:v3@sha256:{'ab' * 32}",
            f"calico/node@sha256:{'ab' * 32}",
        ],
    )
    def test_an_image_that_docker_takes_is_taken(self, tmp_path: Path, image: str) -> None:
        assert load_text(tmp_path, f'[node]\nimage = "{image}"').node.image == image

    @pytest.mark.parametrize("image", [":v3", "a/b:", "a//b", "a/b@sha256:12", "UPPER/x/Y", "a b", "-a", "a/b:v1:v2"])
    def test_an_image_that_docker_refuses_is_refused(self, tmp_path: Path, image: str) -> None:
        (fault,) = faults_of(tmp_path, f'[node]\nimage = "{image}"')
        assert "is not an image reference" in fault

    @pytest.mark.parametrize("address", ["10.0.0.0/31", "10.0.0.0/32", "10.0.0.0", "10.0.0.255/16"])
    def test_an_address_that_only_looks_like_a_network_is_taken(self, tmp_path: Path, address: str) -> None:
        assert load_text(tmp_path, f'[identity]\nipv4 = "{address}"').identity.ipv4 == address

    def test_a_directory_is_not_a_configuration(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
            load(tmp_path, {})


class TestMethods:
    """One of Calico's methods under [identity]."""

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ('method = "eth1"', '"eth1" is none of Calico\'s methods (did you mean "interface=eth1"?)'),
            ('method = "interface=eth("', "has the item 'eth(', which cannot be used as a regular expression"),
            ('method = "cidr=10.0.0.0"', "has the item '10.0.0.0', which is not an IPv4 network like 10.0.0.0/24"),
            ('ipv6 = "auto"\nmethod6 = "cidr=10.0.0.0/8"', "which is not an IPv6 network"),
            ('ipv4 = "10.0.0.1"\nmethod = "first-found"', 'method: is of no use beside ipv4 = "10.0.0.1"'),
            ('method6 = "first-found"', 'method6: is of no use beside ipv6 = "none" (wanted ipv6 = "auto")'),
            ("allow_rejected = true", "allow_rejected: is of use only with one of Calico's methods"),
            ('on_change = "wait"', 'on_change: "wait" is not "report" or "replace"'),
        ],
    )
    def test_a_fault_is_found_before_anything_starts(self, tmp_path: Path, line: str, words: str) -> None:
        (fault,) = faults_of(tmp_path, f"[identity]\n{line}")
        assert words in fault

    def test_a_method_reaches_the_settings(self, tmp_path: Path) -> None:
        text = '[identity]\nipv6 = "auto"\nmethod = "interface=eth.*"\nallow_rejected = true\non_change = "report"'
        config = load_text(tmp_path, text)
        found = config.identity_settings()
        assert (found.ipv4.method, found.ipv4.allow_rejected) == ("calico", True)
        assert found.ipv4.calico is not None
        assert found.ipv4.calico.names("eth0")
        assert found.ipv6 == AddressSettings("auto")
        assert config.supervise_settings().on_identity_change is OnChange.REPORT


class TestSettings:
    def test_addresses_are_parsed_once(self, tmp_path: Path) -> None:
        settings = load_text(tmp_path, '[identity]\nipv4 = "10.0.0.11/24"').identity_settings()
        assert settings.ipv4 == AddressSettings("configured", IPv4Interface("10.0.0.11/24"))
        assert settings.ipv6 == AddressSettings("none")

    def test_without_endpoints_there_are_no_datastore_settings(self) -> None:
        assert Config().datastore_settings() is None

    def test_the_password_is_the_first_line_of_its_file_and_never_shown(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("s3cret word\n\nnot this\n")
        config = load_text(
            tmp_path,
            '[datastore]\nendpoints = ["http://10.0.0.1:2379"]\nusername = "root"\n'
            f'password_file = "{tmp_path}/password"',
        )
        settings = config.datastore_settings()
        assert settings is not None
        assert settings.password == "s3cret word"
        assert "s3cret" not in repr(settings)
        assert "s3cret" not in render_config(config)

    def test_mode_is_an_enumeration(self, tmp_path: Path) -> None:
        assert load_text(tmp_path, 'mode = "observe"').mode is Mode.OBSERVE

    @pytest.mark.parametrize(
        ("listen", "expected"),
        [("127.0.0.1:9197", ("127.0.0.1", 9197)), ("[::1]:80", ("::1", 80)), ("", None), ("0.0.0.0:0", ("0.0.0.0", 0))],
    )
    def test_the_listening_address(self, tmp_path: Path, listen: str, expected: tuple[str, int] | None) -> None:
        assert load_text(tmp_path, f'[http]\nlisten = "{listen}"').listen == expected

    @pytest.mark.parametrize(
        "listen", ["::1:80", "[127.0.0.1]:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":80"]
    )
    def test_an_address_to_listen_on_that_cannot_be(self, tmp_path: Path, listen: str) -> None:
        assert len(faults_of(tmp_path, f'[http]\nlisten = "{listen}"')) == 1


class TestShow:
    def test_what_is_shown_is_itself_a_configuration(self, tmp_path: Path) -> None:
        config = load_text(tmp_path, '[node]\nenv = { FELIX_A = "ü \\" \\\\ \\u007f", AS = "2" }\nmounts = ["/a:/b"]')
        assert load_text(tmp_path, render_config(config)) == config

    def test_variables_with_secret_names_are_masked(self, tmp_path: Path) -> None:
        shown = render_config(load_text(tmp_path, '[node]\nenv = { CALICO_TOKEN = "t0p", MY_PASSWORD = "t0p" }'))
        assert "t0p" not in shown
        assert shown.count("(not shown)") == 2


# Any tree, with a liking for real names and for texts that are nearly right.
_NAMES = st.sampled_from([name for key in schema_keys() for name in key if name]) | st.text(max_size=8)
_TEXTS = st.text(max_size=40) | st.sampled_from(
    ["auto", "http://[", "10.0.0.1/33", "unix://", "/a:b:c", "[]:1", "/\0", "https://x:y", "\x7f\x1b[31m", "supervise"]
)
_SCALARS = st.booleans() | st.integers() | st.floats() | st.datetimes() | _TEXTS
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=8
)


def toml(value: object) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml(name)} = {toml(inner)}' for name, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower()


def outcome(text: str, environ: Mapping[str, str]) -> Config | tuple[str, ...]:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        try:
            return load(Path(file.name), environ)
        except ConfigError as error:
            return error.faults


@given(tree=st.dictionaries(_NAMES, _VALUES | st.dictionaries(_NAMES, _VALUES, max_size=6), max_size=6))
def test_no_tree_of_values_does_anything_but_load_or_fault(tree: dict[str, Any]) -> None:
    result = outcome("".join(f"{toml(name)} = {toml(value)}\n" for name, value in tree.items()), {})
    if isinstance(result, Config):
        assert tomllib.loads(render_config(result))
    else:
        assert result
        assert all(fault.isprintable() for fault in result)


@given(values=st.dictionaries(st.sampled_from([variable_name(key) for key in schema_keys()]), _TEXTS, max_size=5))
def test_no_environment_does_anything_but_load_or_fault(values: dict[str, str]) -> None:
    result = outcome("", values)
    assert isinstance(result, Config) or all(fault.isprintable() for fault in result)


class TestSupervision:
    def test_every_key_reaches_the_settings(self, tmp_path: Path) -> None:
        text = """
            [node]
            preset = "v1.3"
            [supervise]
            start_deadline_seconds = 90
            hung_deadline_seconds = 30
            on_drift = "report"
            respect_stop = true
            take_over = true
        """
        config = load_text(tmp_path, text)
        assert config.node_settings().preset is Preset.V1_3
        settings = config.supervise_settings()
        assert (settings.start_deadline, settings.hung_deadline) == (timedelta(seconds=90), timedelta(seconds=30))
        assert settings.on_drift is DriftPolicy.REPORT
        assert settings.respect_stop
        assert settings.take_over

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('[node]\npreset = "v2"', '[node] preset: "v2" is not "v3", "kubernetes" or "v1.3"'),
            ('[supervise]\non_drift = "ignore"', '[supervise] on_drift: "ignore" is not "replace" or "report"'),
            (
                "[supervise]\nstart_deadline_seconds = 5",
                "[supervise] start_deadline_seconds: 5 is not a number of seconds from 20 to 86400",
            ),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path: Path, text: str, fault: str) -> None:
        assert faults_of(tmp_path, text) == [fault]

    def test_the_old_generation_must_have_an_ipv4_address(self, tmp_path: Path) -> None:
        text = """
            mode = "supervise"
            [identity]
            ipv4 = "none"
            ipv6 = "auto"
            [datastore]
            api = "v2"
            endpoints = ["http://10.0.0.1:2379"]
            [node]
            preset = "v1.3"
            image = "calico/node:v1.3.0"
        """
        (fault,) = faults_of(tmp_path, text)
        assert "would detect one" in fault
