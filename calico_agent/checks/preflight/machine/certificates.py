"""Whether the certificates by which this host and etcd know each other are there, valid, and fit each other.

A certificate of a client may be of another authority than etcd's own: then etcd alone can say whether it believes it,
which it does in the handshake of `HOST-ETCD`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from calico_agent.checks.preflight.known import known
from calico_agent.expected.view import View, in_words
from calico_agent.faults.preflight.machine import HOST_CERTIFICATE, HOST_ETCD, HOST_EXPIRY
from calico_agent.model.host.certificate import (
    Certificate,
    CertificateFile,
    Credential,
    Credentials,
    EtcdServer,
    EtcdServers,
)
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.preparation import Preparation
from calico_agent.text import listed

_LOST = "whoever uses it loses etcd, or does not reach it at its next start"
_WHY_SERVER = "programs that are given this endpoint do not believe that it is etcd, and turn to the others"
_CORRECT = "a server certificate with this name or address as subjectAltName, by that authority"


def check_certificates(view: View) -> Iterator[Check]:
    """Yield one line for each file, and for each set of files that should fit each other."""
    credentials = known(view.preparation.credentials, "they were not read")
    if isinstance(credentials, Unreadable):
        yield Check(HOST_CERTIFICATE, Verdict.UNKNOWN, f"certificates: {credentials.reason}")
    elif not credentials.found:
        yield Check(HOST_CERTIFICATE, Verdict.NOT_APPLICABLE, "certificates: nothing on this host names one for etcd")
    else:
        yield from _files(credentials, view.observation.at)
        for credential in credentials.found:
            yield from _fit(credential)


def certificate_ends(preparation: Preparation | None) -> Mapping[str, datetime]:
    """Return when the first certificate of each role (authority, client, server) expires; no role without one."""
    if preparation is None:
        return {}
    ends: list[tuple[str, datetime]] = []
    if isinstance(preparation.credentials, Credentials):
        for credential in preparation.credentials.found:
            for file, role in ((credential.ca, "authority"), (credential.own, "client")):
                if file is not None and file.certificates:
                    ends.append((role, _decisive(file, authority=role == "authority").not_after))
    if isinstance(preparation.etcd_servers, EtcdServers):
        servers = preparation.etcd_servers.found
        ends.extend(("server", one.certificate.not_after) for one in servers if one.certificate is not None)
    return dict(sorted(ends, reverse=True))  # of each role the first to end comes last


def _decisive(file: CertificateFile, *, authority: bool) -> Certificate:
    """Of a bundle of authorities each stands for itself: the one that lasts counts."""
    return max(file.certificates, key=lambda one: one.not_after) if authority else file.certificates[0]


def _files(credentials: Credentials, at: datetime) -> Iterator[Check]:
    """Each file once, whoever uses it."""
    found: dict[str, tuple[CertificateFile, bool, list[str]]] = {}
    for credential in credentials.found:
        for file, authority in ((credential.ca, True), (credential.own, False)):
            if file is not None:
                found.setdefault(file.path, (file, authority, []))[2].extend(credential.users)
    for file, authority, users in found.values():
        who = listed(tuple(dict.fromkeys(users)))
        if file.trouble:
            yield _failure(file.path, f"{file.path} of {who}: {file.trouble}", _LOST, f"ls -l {file.path}")
            continue
        decisive = _decisive(file, authority=authority)
        yield _validity(file.path, f"{file.path} of {who}", decisive, at)
        if not authority and not decisive.for_clients:
            yield _failure(
                f"{file.path} usage",
                f"{file.path} of {who} may not be a client's certificate (extendedKeyUsage)",
                "etcd refuses it where it asks its clients for one",
                f"one with clientAuth; openssl x509 -in {file.path} -noout -ext extendedKeyUsage shows what it has",
            )


def _validity(subject: str, what: str, certificate: Certificate, at: datetime) -> Check:
    look = f"openssl x509 -in {subject} -noout -subject -dates"
    left = certificate.not_after - at
    if certificate.not_before > at:
        said = f"{what} is not valid before {_day(certificate.not_before)}; this host's clock says {_day(at)}"
        return _failure(subject, said, _LOST, f"compare the clocks: timedatectl; {look}")
    if at > certificate.not_after:
        said = f"{what} expired on {_day(certificate.not_after)}, {in_words(-left)}"
        return _failure(subject, said, _LOST, f"a new one, in its place; {look}")
    if left < certificate.notice:
        verdict = Verdict.FAILURE if left < certificate.last_call else Verdict.WARNING
        said = f"{what} expires on {_day(certificate.not_after)}"
        return Check(HOST_EXPIRY, verdict, said, f"from then on {_LOST}", f"a new one, in its place; {look}", subject)
    return Check(HOST_CERTIFICATE, Verdict.OK, f"{what} is valid until {_day(certificate.not_after)}", subject=subject)


def _fit(credential: Credential) -> Iterator[Check]:
    """Whether key, certificate and authority belong to each other; nothing where one of them is of no use alone."""
    if any(file is not None and file.trouble for file in (credential.ca, credential.own)):
        return
    who, path = listed(credential.users), credential.own.path if credential.own is not None else ""
    subject = f"{path or (credential.ca.path if credential.ca is not None else '')} key"
    if credential.trouble:
        cure = f"openssl pkey -in {credential.key} -pubout; openssl x509 -in {path} -noout -pubkey: the same twice"
        both = cure if path and credential.key else ""
        yield _failure(subject, f"the files of {who}: {credential.trouble}", _LOST, both)
    elif path and credential.issued is None and credential.ca is not None:
        yield Check(HOST_CERTIFICATE, Verdict.UNKNOWN, f"{path}: by whom it was issued cannot be seen", subject=subject)
    elif path:
        by = credential.ca.path if credential.ca is not None else ""
        issuer = f", issued by {by}" if credential.issued else f"; it is of another authority than {by}" if by else ""
        yield Check(
            HOST_CERTIFICATE,
            Verdict.OK,
            f"{path} and {credential.key} of {who} fit each other{issuer}",
            subject=subject,
        )


def check_etcd_servers(view: View) -> Iterator[Check]:
    """Yield one line for each endpoint: whether etcd is who it should be, and believes this host."""
    servers = known(view.preparation.etcd_servers, "it was not asked")
    if isinstance(servers, Unreadable):
        yield Check(HOST_ETCD, Verdict.UNKNOWN, f"etcd's certificates: {servers.reason}")
    elif not servers.found:
        yield Check(HOST_ETCD, Verdict.NOT_APPLICABLE, "etcd's certificates: it is reached without TLS")
    else:
        for server in servers.found:
            yield _server(servers, server, view.observation.at)


def _server(servers: EtcdServers, server: EtcdServer, at: datetime) -> Check:
    name = server.endpoint
    if server.code == "tls":
        alone = all(one.code == "tls" for one in servers.found)
        verdict = Verdict.FAILURE if alone else Verdict.WARNING
        why = "etcd cannot be used" if alone else _WHY_SERVER
        cure = (
            _CORRECT if " is not for " in server.trouble else f"openssl s_client -connect {_address(name)} -showcerts"
        )
        return Check(HOST_ETCD, verdict, f"{name}: {server.trouble}", why, cure, name)
    if server.certificate is None:
        return Check(HOST_ETCD, Verdict.UNKNOWN, f"{name}: {server.trouble}", subject=name)
    left = server.certificate.not_after - at
    until = _day(server.certificate.not_after)
    if left < server.certificate.notice:
        verdict = Verdict.FAILURE if left < server.certificate.last_call else Verdict.WARNING
        why = "from then on nobody believes this member of etcd"
        cure = f"a new one on that host; openssl s_client -connect {_address(name)} </dev/null | openssl x509 -dates"
        return Check(HOST_EXPIRY, verdict, f"{name}: its certificate expires on {until}", why, cure, name)
    said = f"{name} proves that it is etcd, and believes this host; its certificate is valid until {until}"
    return Check(HOST_ETCD, Verdict.OK, said, subject=name)


def _address(endpoint: str) -> str:
    return endpoint.partition("://")[2]


def _failure(subject: str, what: str, why: str, cure: str = "") -> Check:
    return Check(HOST_CERTIFICATE, Verdict.FAILURE, what, why, cure, subject)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
