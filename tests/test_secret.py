"""What is shown of what others wrote: names that are known, and texts without their passwords."""

import pytest

from calico_agent.plan.presets import PRESETS
from calico_agent.secret import HIDDEN, is_shown, masked, masked_table, shown_value

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    [
        *("NODENAME", "IP", "IP6", "IP_AUTODETECTION_METHOD", "IP6_AUTODETECTION_METHOD", "AS", "DATASTORE_TYPE"),
        *("ETCD_ENDPOINTS", "ETCD_AUTHORITY", "ETCD_KEY_FILE", "ETCD_CA_CERT_FILE", "FELIX_TYPHAKEYFILE"),
        *("CALICO_NETWORKING_BACKEND", "CALICO_ROUTER_ID", "FELIX_LOGSEVERITYSCREEN", "NO_DEFAULT_POOLS"),
        *(name for usual in PRESETS.values() for name, _ in usual.env),
    ],
)
def test_what_calico_documents_is_shown(name: str) -> None:
    assert shown_value(name, "a value") == "a value"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "AUTH",
            "CREDENTIALS",
            "BEARER",
            "DB_DSN",
            "CERT_PEM",
            "DB_PW",
            "PWD_X",
            "LC_ALL",
        ),
        *("ETCD_PASSWORD", "ETCD_KEY", "ETCD_CERT", "ETCD_USERNAME", "K8S_API_TOKEN", "IPSEC_PSK", "XIP", "IPSEC"),
        *("FELIX_ETCDPASSWORD", "FELIX_SECRET_X", "FELIX_IPSECPSK", "CALICO_TOKEN", "CALICO_API_KEY", "FELIX_XPW"),
        *("CALICO_DB_CRED", "FELIX_BASICAUTH", "nodename", "IP ", "FELIX_", ""),
    ],
)
def test_what_nobody_knows_or_what_may_be_a_secret_is_not(name: str) -> None:
    assert not is_shown(name)
    assert shown_value(name, "s3cret") == HIDDEN


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://me:pw@10.0.0.1:2379", "https://(not shown)@10.0.0.1:2379"),
        ("https://token@host", "https://(not shown)@host"),
        ("http://a:pw@h1:1,http://b:pw@h2:2", "http://(not shown)@h1:1,http://(not shown)@h2:2"),
        ("http://h1:1,http://b:pw@h2:2", "http://h1:1,http://(not shown)@h2:2"),
        ("https://me:p@w@host/x", "https://(not shown)@host/x"),
        ("https://me:p/w@host", "https://(not shown)@host"),
        ("https://me:p'w\"@host", "https://(not shown)@host"),
        ("proxy http://u:pw@p:3128 said no", "proxy http://(not shown)@p:3128 said no"),
        ("https://[fd00::1]:2379", "https://[fd00::1]:2379"),
        ("https://registry:5000/calico/node@sha256:0a1b", "https://registry:5000/calico/node@sha256:0a1b"),
        (
            "calico/node@sha256:0a1b, see https://docs.tigera.io/x",
            "calico/node@sha256:0a1b, see https://docs.tigera.io/x",
        ),
        (f"key {KEY} end", "key (not shown) end"),
        (KEY[:60], "(not shown)"),
        (KEY.replace("\n", "\\n"), "(not shown)"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----\nMIIB"),
        ("password=pw host=h", "password=(not shown) host=h"),
        ('{"password": "pw"}', '{"password": "(not shown)"}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer (not shown)"),
        ("a Bearer abcdefghijkl was refused", "a Bearer (not shown) was refused"),
        ("a bearer token was refused", "a bearer token was refused"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln is old", "token (not shown) is old"),
        ("tls.key LS0tLS1CRUdJTiBFQyBQUklW=", "tls.key (not shown)"),
        ("ETCD_PASSWORD=pw", "ETCD_PASSWORD=(not shown)"),
        ("the password file cannot be read: no such file", "the password file cannot be read: no such file"),
        ("[datastore] password_file: is no path", "[datastore] password_file: is no path"),
        ("the session passwords differ", "the session passwords differ"),
    ],
)
def test_a_text_without_its_passwords(text: str, wanted: str) -> None:
    assert masked(text) == wanted
    assert masked(wanted) == wanted


def test_a_document_without_its_passwords() -> None:
    document = {"a": ["x", {"b": "http://u:pw@h"}], "n": 1, "none": None}
    assert masked_table(document) == {"a": ["x", {"b": "http://(not shown)@h"}], "n": 1, "none": None}
