"""A port with TLS, its files, and those who ask there."""

import json
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calico_agent.api.http import HttpServer
from calico_agent.api.latest import AgentHealth
from calico_agent.model.settings import AccessFiles
from tests.authority import Pair, issue, self_signed
from tests.patience import PATIENCE

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"
TOKEN = "0123456789abcdef" * 2


@dataclass(frozen=True)
class Authorities:
    """One whose certificates are believed, one of others, and what the first one has issued."""

    ours: Pair
    others: Pair
    server: Pair
    client: Pair
    stranger: Pair


def make_authorities(folder: Path) -> Authorities:
    """Takes a third of a second."""
    ours, others = self_signed(folder, "ours"), self_signed(folder, "others")
    server, client = issue(ours, "localhost", NAMES), issue(ours, "prometheus")
    return Authorities(ours, others, server, client, issue(others, "stranger"))


class TlsPort:
    """A server in this process on its own copies of the files, which a test may change."""

    def __init__(self, folder: Path, made: Authorities, *, client_ca: bool = False, token: bool = False) -> None:
        self.made = made
        self.latest = AgentHealth(60)
        self.files = AccessFiles(
            str(folder / "server.crt"),
            str(folder / "server.key"),
            str(folder / "clients.crt") if client_ca else "",
            str(folder / "token") if token else "",
        )
        put(self.files.cert, made.server.cert.read_text())
        put(self.files.key, made.server.key.read_text())
        if client_ca:
            put(self.files.client_ca, made.ours.cert.read_text())
        if token:
            put(self.files.token, f"{TOKEN}\n")
        self.server = HttpServer(self.latest, ("127.0.0.1", 0), None, access=self.files)
        self.server.start()
        assert self.server.port is not None, self.server.troubles()
        self.port = self.server.port

    def client(self, pair: Pair | None = None) -> ssl.SSLContext:
        """Believes in our authority alone, and shows this certificate."""
        context = ssl.create_default_context(cafile=str(self.made.ours.cert))
        if pair is not None:
            context.load_cert_chain(pair.cert, pair.key)
        return context

    def connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Raises OSError where the agent is not believed; where it does not believe, the first answer is an error."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        try:
            return context.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise

    def ask(
        self, context: ssl.SSLContext, path: str = "/livez", headers: Iterable[str] = ()
    ) -> tuple[int, dict[str, Any], str]:
        """Status, document and head of the answer. Raises OSError."""
        lines = "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.0", "Host: host1.example:9197", *headers))
        with self.connect(context) as connection:
            connection.sendall(f"{lines}\r\n".encode())
            head, _, body = read_all(connection).partition(b"\r\n\r\n")
        with suppress(ValueError):
            return int(head.split()[1]), json.loads(body), head.decode()
        return int(head.split()[1]), {}, head.decode()

    def served(self) -> str:
        """The certificate of the port as a new client sees it, in PEM."""
        with self.connect(self.client()) as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")

    def words(self) -> str:
        """What is wrong, as the next pass would say it."""
        return "\n".join(trouble.what for trouble in self.server.troubles())


def put(path: str, text: str) -> None:
    """As whoever renews a certificate does it: another file in its place."""
    beside = Path(f"{path}.new")
    beside.write_text(text)
    beside.chmod(0o600)
    beside.rename(path)


def read_all(connection: socket.socket) -> bytes:
    """Up to the end."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))
