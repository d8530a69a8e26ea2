"""Certificates of this host."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.preflight.machine.certificates import certificate_ends, check_certificates
from calico_agent.model.host.certificate import (
    Certificate,
    CertificateFile,
    Credential,
    Credentials,
    EtcdServer,
    EtcdServers,
)
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from calico_agent.model.preparation import Preparation
from tests.checks.cluster import AT, HEALTHY, problems_of
from tests.checks.preflight.case import CheckCase, check, prepared

CA, CERT, KEY = "/etc/calico/certs/ca_cert.crt", "/etc/calico/certs/cert.crt", "/etc/calico/certs/key.pem"
OK, WARNING, FAILURE, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.FAILURE, Verdict.UNKNOWN
YEAR = timedelta(days=365)
SERVER_ONLY = frozenset({"1.3.6.1.5.5.7.3.1"})


def certificate(left: timedelta = YEAR, life: timedelta = YEAR, usages: frozenset[str] = frozenset()) -> Certificate:
    return Certificate(AT + left - life, AT + left, "host1", usages)


def own(*certificates: Certificate, trouble: str = "") -> CertificateFile:
    return CertificateFile(CERT, certificates, trouble)


OURS = own(certificate())
AUTHORITY = CertificateFile(CA, (certificate(10 * YEAR, 10 * YEAR),))


def credential(
    mine: CertificateFile | None = OURS,
    ca: CertificateFile | None = AUTHORITY,
    trouble: str = "",
    issued: bool | None = True,
    users: tuple[str, ...] = ("calico-agent", "calico/node"),
) -> Credential:
    return Credential(users, ca, mine, KEY if mine else "", trouble, issued)


def lines(ca: Verdict | None = OK, cert: Verdict | None = OK, key: Verdict | None = OK) -> dict[str, Verdict]:
    named = {CA: ca, CERT: cert, f"{CERT} key": key}
    return {f"HOST-CERTIFICATE {subject}": verdict for subject, verdict in named.items() if verdict is not None}


def read(*credentials: Credential) -> Credentials:
    return Credentials(credentials)


@pytest.mark.parametrize(
    ("left", "life", "verdict"),
    [
        pytest.param(timedelta(days=31), YEAR, OK, id="31 days"),
        pytest.param(timedelta(days=29), YEAR, WARNING, id="29 days"),
        pytest.param(timedelta(days=4), YEAR, WARNING, id="4 days"),
        pytest.param(timedelta(days=2), YEAR, FAILURE, id="2 days"),
        pytest.param(timedelta(seconds=-1), YEAR, FAILURE, id="it expired"),
        pytest.param(timedelta(hours=23), timedelta(hours=24), OK, id="one that lives for a day"),
        pytest.param(timedelta(hours=7), timedelta(hours=24), WARNING, id="one of a day that nobody renewed in time"),
        pytest.param(timedelta(hours=2), timedelta(hours=24), FAILURE, id="one of a day at its end"),
        pytest.param(timedelta(days=40), timedelta(days=90), OK, id="one that lives for three months"),
    ],
)
def test_the_end_of_a_certificate(left: timedelta, life: timedelta, verdict: Verdict) -> None:
    ended = left < timedelta()
    code = "HOST-CERTIFICATE" if ended or verdict is OK else "HOST-EXPIRY"
    told = {**lines(cert=None), f"{code} {CERT}": verdict}
    check(CheckCase(prepared(credentials=read(credential(own(certificate(left, life))))), told), check_certificates)


NOT_YET = Certificate(AT + timedelta(hours=2), AT + YEAR, "host1")
CASES = {
    "all is well": CheckCase(
        prepared(credentials=read(credential())),
        lines(),
        ("cert.crt of calico-agent and calico/node is valid until 2027-11-23", f"issued by {CA}"),
    ),
    "not valid yet": CheckCase(
        prepared(credentials=read(credential(own(NOT_YET)))),
        lines(cert=FAILURE),
        ("is not valid before 2026-11-23 03:00 UTC; this host's clock says 2026-11-23 01:00 UTC", "timedatectl"),
    ),
    "of a chain the first is our own": CheckCase(
        prepared(credentials=read(credential(own(certificate(), certificate(timedelta(days=-1)))))), lines()
    ),
    "of a bundle of authorities the one that lasts counts": CheckCase(
        prepared(
            credentials=read(credential(ca=CertificateFile(CA, (certificate(-timedelta(days=9)), certificate()))))
        ),
        lines(),
    ),
    "the authority expired": CheckCase(
        prepared(credentials=read(credential(ca=CertificateFile(CA, (certificate(-timedelta(days=9)),))))),
        lines(ca=FAILURE),
        ("expired on 2026-11-14 01:00 UTC, 9 d ago",),
    ),
    "a file is missing: nothing more is said of it": CheckCase(
        prepared(credentials=read(credential(own(trouble="it does not exist"), issued=None))),
        lines(cert=FAILURE, key=None),
        (f"{CERT} of calico-agent and calico/node: it does not exist",),
    ),
    "the key of another certificate": CheckCase(
        prepared(credentials=read(credential(trouble=f"{CERT} and {KEY} are not a certificate and its key"))),
        lines(key=FAILURE),
        (f"openssl pkey -in {KEY} -pubout",),
    ),
    "another authority than etcd's, which is no fault": CheckCase(
        prepared(credentials=read(credential(issued=False))), lines(), (f"of another authority than {CA}",)
    ),
    "who issued it cannot be asked": CheckCase(prepared(credentials=read(credential(issued=None))), lines(key=UNKNOWN)),
    "a server's certificate in place of a client's": CheckCase(
        prepared(credentials=read(credential(own(certificate(usages=SERVER_ONLY))))),
        {**lines(), f"HOST-CERTIFICATE {CERT} usage": FAILURE},
        ("extendedKeyUsage",),
    ),
    "etcd asks for no certificate": CheckCase(
        prepared(credentials=read(credential(mine=None, issued=None))), lines(cert=None, key=None)
    ),
    "the plugin has others": CheckCase(
        prepared(
            credentials=read(
                credential(),
                Credential(
                    ("the CNI plugin",),
                    CertificateFile(CA, (certificate(),)),
                    CertificateFile("/etc/cni/cert", (certificate(timedelta(days=-1)),)),
                    "/etc/cni/key",
                    issued=True,
                ),
            )
        ),
        {
            **lines(),
            "HOST-CERTIFICATE /etc/cni/cert": FAILURE,
            "HOST-CERTIFICATE /etc/cni/cert key": OK,
        },
        ("/etc/cni/cert of the CNI plugin expired", f"{CA} of calico-agent, calico/node and the CNI plugin"),
    ),
    "one that ends soon": CheckCase(
        prepared(credentials=read(credential(own(certificate(timedelta(days=12)))))),
        {**lines(cert=None), f"HOST-EXPIRY {CERT}": WARNING},
        ("expires on 2026-12-05 01:00 UTC", "from then on whoever uses it"),
    ),
    "nothing names any": CheckCase(prepared(credentials=read()), {"HOST-CERTIFICATE": Verdict.NOT_APPLICABLE}),
    "nothing was read": CheckCase(prepared(), {"HOST-CERTIFICATE": UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_certificates(case: CheckCase) -> None:
    check(case, check_certificates)


def test_an_expired_certificate_is_one_problem_with_all_that_follows() -> None:
    tls = "the server does not accept our certificate"
    seen = prepared(
        replace(HEALTHY, datastore_trouble=Unreadable("etcd", f"https://etcd1:2379: {tls}", "tls")),
        credentials=read(credential(own(certificate(-timedelta(days=1))))),
        etcd_servers=EtcdServers((EtcdServer("https://etcd1:2379", tls, "tls"),)),
    )
    consequences = {"HOST-ETCD https://etcd1:2379", "DS-UNREADABLE etcd"}
    assert problems_of(seen) == {f"HOST-CERTIFICATE {CERT}": consequences}


@pytest.mark.parametrize("left", [20, 2], ids=["20 days", "2 days"])
def test_one_that_ends_soon_explains_nothing_that_is_wrong_now(left: int) -> None:
    seen = prepared(
        replace(HEALTHY, datastore_trouble=Unreadable("etcd", "connection refused", "refused")),
        credentials=read(credential(own(certificate(timedelta(days=left))))),
    )
    assert problems_of(seen) == {f"HOST-EXPIRY {CERT}": set(), "DS-UNREADABLE etcd": set()}


def test_of_each_role_the_first_to_end_is_told() -> None:
    bundle = CertificateFile(CA, (certificate(timedelta(days=1)), certificate(9 * YEAR)))
    found = read(
        credential(own(certificate(timedelta(days=30)))), credential(own(certificate(timedelta(days=5))), bundle)
    )
    servers = EtcdServers(
        (EtcdServer("https://a:2379", certificate=certificate(YEAR)), EtcdServer("https://b:2379", "no", "refused"))
    )
    ends = certificate_ends(Preparation(credentials=found, etcd_servers=servers))
    assert ends == {"authority": AT + 9 * YEAR, "client": AT + timedelta(days=5), "server": AT + YEAR}


def test_of_what_could_not_be_read_no_end_is_told() -> None:
    unread = Unreadable("host", "denied")
    assert certificate_ends(None) == certificate_ends(Preparation(credentials=unread, etcd_servers=unread)) == {}
    lost = credential(own(trouble="it is not there"), None)
    assert certificate_ends(Preparation(credentials=read(lost))) == {}
