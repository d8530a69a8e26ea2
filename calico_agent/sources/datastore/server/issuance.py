"""Whether a certificate was issued by an authority, by OpenSSL's word and without etcd.

Python's ssl verifies a certificate only in a TLS handshake. So one is made in memory: a client that shows the
certificate, and a server that knows the authority. It is asked what etcd, written in Go, would ask: any certificate in
the authority's file is trusted, whoever signed that (crypto/x509: Roots), intermediate ones come with the client's own,
and keys of any length do. When it is valid is judged elsewhere.
"""

import ssl

from calico_agent.sources.datastore.server.tls_files import TlsFiles, refuse_password

# X509_V_FLAG_NO_CHECK_TIME and X509_V_ERR_INVALID_PURPOSE (x509_vfy.h). The latter comes when the chain is complete;
# OpenSSL is stricter about purposes than Go.
_NO_CHECK_TIME, _OTHER_PURPOSE = 0x200000, 26
_STEPS = 16  # of a handshake that has four


def is_issued(files: TlsFiles) -> bool | None:
    """Whether the certificate leads to the authority; None where one of both is missing or cannot be used."""
    if not (files.ca and files.certificate and files.key):
        return None
    try:
        client, server = _context(ssl.PROTOCOL_TLS_CLIENT, files), _context(ssl.PROTOCOL_TLS_SERVER, files)
        server.load_verify_locations(files.ca)
    except (OSError, ValueError):
        return None
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    try:
        _shake_hands(client, server)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code == _OTHER_PURPOSE
    except ssl.SSLError:
        return None
    return True


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # there the certificate is judged before the handshake ends
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(files.certificate, files.key, password=refuse_password)
    return context


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Raises SSLError, with what the server has against the client's certificate."""
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(there, here), server.wrap_bio(here, there, server_side=True)]
    finished = [False, False]
    for step in range(_STEPS):
        try:
            ends[step % 2].do_handshake()
            finished[step % 2] = True
        except ssl.SSLWantReadError:
            continue
    if not all(finished):
        raise ssl.SSLError("the handshake did not come to an end")
