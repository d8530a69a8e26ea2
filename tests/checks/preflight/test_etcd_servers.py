"""Certificates of etcd's members."""

from datetime import timedelta

import pytest

from calico_agent.checks.preflight.machine.certificates import check_etcd_servers
from calico_agent.model.host.certificate import Certificate, EtcdServer, EtcdServers
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import AT
from tests.checks.preflight.case import CheckCase, check, prepared

OK, WARNING, FAILURE, UNKNOWN = Verdict.OK, Verdict.WARNING, Verdict.FAILURE, Verdict.UNKNOWN
YEAR = timedelta(days=365)


def certificate(left: timedelta = YEAR) -> Certificate:
    return Certificate(AT + left - YEAR, AT + left, "etcd")


ONE, TWO = "https://10.77.0.1:2379", "https://etcd2:2379"


def etcd(*servers: EtcdServer) -> EtcdServers:
    return EtcdServers(servers)


FINE = EtcdServer(ONE, certificate=certificate())
OTHER_NAME = EtcdServer(TWO, "the server's certificate is not for etcd2, but for 10.77.0.2", "tls")
CASES = {
    "both sides believe each other": CheckCase(
        prepared(etcd_servers=etcd(FINE)), {f"HOST-ETCD {ONE}": OK}, ("believes this host",)
    ),
    "one of several is for another name": CheckCase(
        prepared(etcd_servers=etcd(FINE, OTHER_NAME)),
        {f"HOST-ETCD {ONE}": OK, f"HOST-ETCD {TWO}": WARNING},
        ("not for etcd2, but for 10.77.0.2", "turn to the others", "subjectAltName"),
    ),
    "the only one is for another name": CheckCase(
        prepared(etcd_servers=etcd(OTHER_NAME)), {f"HOST-ETCD {TWO}": FAILURE}, ("etcd cannot be used",)
    ),
    "one cannot be reached, which says nothing of certificates": CheckCase(
        prepared(etcd_servers=etcd(FINE, EtcdServer(TWO, "connection refused: nothing listens there", "refused"))),
        {f"HOST-ETCD {ONE}": OK, f"HOST-ETCD {TWO}": UNKNOWN},
    ),
    "one is about to expire": CheckCase(
        prepared(etcd_servers=etcd(FINE, EtcdServer(TWO, certificate=certificate(timedelta(days=12))))),
        {f"HOST-ETCD {ONE}": OK, f"HOST-EXPIRY {TWO}": WARNING},
        (f"{TWO}: its certificate expires on 2026-12-05 01:00 UTC",),
    ),
    "one has three days": CheckCase(
        prepared(etcd_servers=etcd(EtcdServer(TWO, certificate=certificate(timedelta(days=2))))),
        {f"HOST-EXPIRY {TWO}": FAILURE},
    ),
    "no TLS": CheckCase(prepared(etcd_servers=etcd()), {"HOST-ETCD": Verdict.NOT_APPLICABLE}),
    "nobody said where etcd is": CheckCase(
        prepared(etcd_servers=Unreadable("etcd", "it is not known where etcd is", "unset")), {"HOST-ETCD": UNKNOWN}
    ),
    "nothing was read": CheckCase(prepared(), {"HOST-ETCD": UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_etcd_servers(case: CheckCase) -> None:
    check(case, check_etcd_servers)
