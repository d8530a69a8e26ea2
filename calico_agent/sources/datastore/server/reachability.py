"""Why an endpoint cannot be used, in words for people.

gRPC reports a refused connection, an unknown authority, an expired certificate and a wrong name all as "unavailable"
and writes the cause, if anywhere, to stderr. So after such a failure the endpoint is tried once more with sockets.
"""

import socket
import ssl

from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.server.endpoints import Endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.tls_files import TlsFiles, UsedFiles, tls_context

# OpenSSL's X509_V_ERR_ numbers (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUER = (18, 19, 20, 21)
_OTHER_NAME, _OTHER_ADDRESS = 62, 64
_LISTED = 8  # names of a certificate
# How a client begins HTTP/2: the preface and its settings, none (RFC 9113, 3.4).
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


def reach(endpoint: Endpoint, timeout: float) -> socket.socket:
    """A bare connection to `endpoint`. Costs next to nothing where there is none to be had, and raises then."""
    try:
        return socket.create_connection((endpoint.host, endpoint.port), timeout)
    except socket.gaierror:
        raise DatastoreError(f"the name {endpoint.host} does not resolve", "unresolved") from None
    except ConnectionRefusedError:
        raise DatastoreError("connection refused: nothing listens there", "refused") from None
    except TimeoutError:
        raise DatastoreError(f"no connection within {timeout:.3g} s", "timeout") from None
    except (OSError, UnicodeError) as error:
        raise DatastoreError(f"no connection: {getattr(error, 'strerror', None) or error}", "unreachable") from None


def probe(endpoint: Endpoint, settings: DatastoreSettings, timeout: float) -> None:
    """Raise DatastoreError where the files cannot be used or nobody takes a connection."""
    UsedFiles(settings, tls=endpoint.tls)
    reach(endpoint, timeout).close()


def find_cause(endpoint: Endpoint, files: TlsFiles, timeout: float) -> DatastoreError | None:
    """What keeps us out of `endpoint`; None when nothing did on this try."""
    try:
        if endpoint.tls:
            server_certificate(endpoint, files, timeout)
            return None
        with reach(endpoint, timeout) as connection:
            return _plain_cause(connection)
    except DatastoreError as cause:
        return cause


def server_certificate(endpoint: Endpoint, files: TlsFiles, timeout: float) -> bytes:
    """The server's certificate (DER), once each side has believed the other's. Raises DatastoreError."""
    with reach(endpoint, timeout) as connection:
        context = tls_context(files)
        context.set_alpn_protocols(["h2"])
        try:
            with context.wrap_socket(connection, server_hostname=endpoint.host) as secured:
                if secured.version() == "TLSv1.3" and secured.selected_alpn_protocol() == "h2":
                    # There the server judges our certificate after the handshake; when content, it answers.
                    secured.sendall(_GREETING)
                    secured.recv(1)
                return secured.getpeercert(binary_form=True) or b""
        except ssl.SSLCertVerificationError as error:
            raise DatastoreError(_verification(error, endpoint, files, timeout), "tls") from None
        except ssl.SSLError as error:
            raise DatastoreError(_handshake(error, files), "tls") from None
        except TimeoutError:
            raise DatastoreError(
                f"it accepts connections but does not answer within {timeout:.3g} s", "timeout"
            ) from None
        except OSError as error:
            said = f"the connection broke during the TLS handshake: {error.strerror or error}"
            raise DatastoreError(said, "tls") from None


def _plain_cause(connection: socket.socket) -> DatastoreError | None:
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        unverified.wrap_socket(connection).close()
    except TimeoutError:
        return DatastoreError("it accepts connections but does not answer", "timeout")
    except ssl.SSLError as error:
        # A server that wants a certificate of ours is one that speaks TLS.
        if "ALERT" not in (error.reason or ""):
            return None
    except OSError:
        return None
    return DatastoreError("the server speaks TLS, but the endpoint says http", "tls")


def _verification(error: ssl.SSLCertVerificationError, endpoint: Endpoint, files: TlsFiles, timeout: float) -> str:
    if error.verify_code == _EXPIRED:
        return "the server's certificate has expired"
    if error.verify_code == _NOT_YET_VALID:
        return "the server's certificate is not valid yet; compare the clocks"
    if error.verify_code in _UNKNOWN_ISSUER:
        return f"the server's certificate was not issued by {files.ca or 'an authority that this system trusts'}"
    if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        names = _names(endpoint, files, timeout)
        return f"the server's certificate is not for {endpoint.host}{f', but for {names}' if names else ''}"
    return f"the server's certificate cannot be verified: {error.verify_message}"


def _names(endpoint: Endpoint, files: TlsFiles, timeout: float) -> str:
    """For what the server's certificate is, where it is by a known authority; empty where that is not seen."""
    context = tls_context(files)
    context.check_hostname = False
    try:
        with (
            reach(endpoint, timeout) as connection,
            context.wrap_socket(connection, server_hostname=endpoint.host) as secured,
        ):
            found = (secured.getpeercert() or {}).get("subjectAltName", ())
    except (DatastoreError, OSError):
        return ""
    names = [str(entry[1]) for entry in found]
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


def _handshake(error: ssl.SSLError, files: TlsFiles) -> str:
    reason = error.reason or ""
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return "the server does not speak TLS, but the endpoint says https"
    if reason == "UNEXPECTED_EOF_WHILE_READING":
        return "the server hung up on the TLS handshake, as one does that speaks no TLS"
    if reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED" or (not files.certificate and "ALERT" in reason):
        return "the server demands a client certificate, and none is configured"
    if "ALERT" in reason:
        said = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return (
            f"the server does not accept our certificate {files.certificate} ({said}): expired, or of another authority"
        )
    return f"the TLS handshake failed: {reason.replace('_', ' ').lower() or error}"
