"""A certificate authority for one lab: etcd asks its clients for a certificate, as a production cluster does.

etcd's JSON gateway presents the server's own certificate as its client certificate, so one certificate for
both uses (extendedKeyUsage serverAuth and clientAuth) is what etcd needs.
"""

import subprocess
from pathlib import Path

from tests.lab.options import WIRE_ADDRESS

_DAYS = "30"


def make_certificates(directory: Path) -> None:
    """Write ca_cert.crt, cert.crt and key.pem, the names calicoctl uses, and server.crt and server.pem for etcd."""
    directory.mkdir(parents=True)
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", _DAYS),
        *(
            "-subj",
            "/CN=calico-agent lab CA",
            "-keyout",
            str(directory / "ca.pem"),
            "-out",
            str(directory / "ca_cert.crt"),
        ),
    )
    _issue(
        directory,
        "server",
        f"subjectAltName=IP:{WIRE_ADDRESS.ip},IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    _issue(directory, "client", "extendedKeyUsage=clientAuth\n")
    (directory / "client.crt").rename(directory / "cert.crt")
    (directory / "client.pem").rename(directory / "key.pem")


def _issue(directory: Path, name: str, extensions: str) -> None:
    extension_file = directory / f"{name}.ext"
    extension_file.write_text(extensions)
    _openssl(
        *(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            f"/CN=calico-agent lab {name}",
        ),
        *("-keyout", str(directory / f"{name}.pem"), "-out", str(directory / f"{name}.csr")),
    )
    _openssl(
        *(
            "x509",
            "-req",
            "-in",
            str(directory / f"{name}.csr"),
            "-out",
            str(directory / f"{name}.crt"),
            "-days",
            _DAYS,
        ),
        *("-CA", str(directory / "ca_cert.crt"), "-CAkey", str(directory / "ca.pem"), "-CAcreateserial"),
        *("-extfile", str(extension_file)),
    )


def _openssl(*arguments: str) -> None:
    subprocess.run(("openssl", *arguments), check=True, capture_output=True)
