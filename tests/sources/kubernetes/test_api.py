"""What becomes of a question to the Kubernetes API, by answers that a real one gives (tests/kube_apiserver asks one).

The server here is none of Kubernetes: it has the answers ready that a real one gives in states in which nobody can put
it in a moment (a certificate that is over, 429, no answer at all).
"""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from calico_agent.model.host.kubernetes_api import ApiAccess, ApiCredential, Holder, Permission, Trouble
from calico_agent.sources.kubernetes.api import ask_api
from calico_agent.sources.kubernetes.api_credentials import ApiSecret
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin
from tests.etcd_server import free_port

GET_PODS, GET_NODES = Permission("get", "pods"), Permission("get", "nodes")
VERSION = json.dumps({"gitVersion": "v1.30.2"})
V1, V1BETA1 = (f"/apis/authorization.k8s.io/{name}/selfsubjectaccessreviews" for name in ("v1", "v1beta1"))
_SECRET = "a-very-secret-token"


def said(allowed: bool) -> str:
    return json.dumps({"kind": "SelfSubjectAccessReview", "status": {"allowed": allowed}})


def status(message: str) -> str:
    return json.dumps({"kind": "Status", "message": message})


@dataclass
class Api:
    """Answers by path; `asked` is what was asked, with what the client showed."""

    answers: Mapping[str, tuple[int, str]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0


@contextmanager
def serving(api: Api, certificate: trustme.LeafCert | None) -> Iterator[Api]:
    """The API on a port of its own, with TLS where it has a certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.asked.append((self.path, self.headers.get("Authorization") or ""))
            code, body = api.answers.get(self.path, (404, "404 page not found\n"))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def login(authority: trustme.CA, port: int, **kinds: object) -> ApiLogin:
    known: dict[str, object] = {"server": f"https://127.0.0.1:{port}", "ca": authority.cert_pem.bytes()}
    return ApiLogin(**(known | {"token": _SECRET} | kinds))  # type: ignore[arg-type]


def ask(login: ApiLogin, *permissions: Permission) -> ApiAccess:
    found = ask_api(ApiSecret(ApiCredential(Holder.CNI, "kubeconfig"), login), permissions or (GET_PODS,))
    assert _SECRET not in repr(found)
    return found


def told(authority: trustme.CA, answers: Mapping[str, tuple[int, str]], *permissions: Permission) -> ApiAccess:
    """What comes of these answers."""
    with serving(Api(answers), authority.issue_cert("127.0.0.1")) as api:
        return ask(login(authority, api.port), *permissions)


ANSWERS: dict[str, tuple[dict[str, tuple[int, str]], Trouble | None, str]] = {
    "yes": ({"/version": (200, VERSION), V1: (201, said(allowed=True))}, None, ""),
    "by the older name": ({"/version": (200, VERSION), V1BETA1: (201, said(allowed=True))}, None, ""),
    "401": ({"/version": (401, status("Unauthorized"))}, Trouble.UNAUTHORIZED, "Unauthorized"),
    "403": ({"/version": (200, VERSION), V1: (403, status("may not"))}, Trouble.FORBIDDEN, "may not"),
    "429": ({"/version": (429, "Too many requests")}, Trouble.NO_ANSWER, "it answers with HTTP 429"),
    "no API of Kubernetes": ({}, Trouble.NO_ANSWER, "no API of Kubernetes"),
    "a web page": ({"/version": (200, "<html>")}, Trouble.NO_ANSWER, "not JSON"),
    "another redirects": ({"/version": (302, "")}, Trouble.NO_ANSWER, "HTTP 302"),
    "neither yes nor no": ({"/version": (200, VERSION), V1: (201, "{}")}, Trouble.NO_ANSWER, "neither yes nor no"),
    "neither name is known": ({"/version": (200, VERSION)}, Trouble.NO_ANSWER, "does not know what it was asked"),
}


@pytest.mark.parametrize(("answers", "trouble", "detail"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer(
    authority: trustme.CA, answers: dict[str, tuple[int, str]], trouble: Trouble | None, detail: str
) -> None:
    found = told(authority, answers)
    assert (found.trouble, found.answers) == (trouble, {GET_PODS: True} if trouble is None else {})
    assert detail in found.detail
    assert found.version == ("v1.30.2" if answers.get("/version", (0, ""))[1] == VERSION else "")


def test_what_is_in_a_group_that_the_api_has_not_is_not_asked(authority: trustme.CA) -> None:
    answers = {"/version": (200, VERSION), V1: (201, said(allowed=False)), "/apis/there": (200, "{}")}
    absent, there = Permission("get", "ippools", "absent"), Permission("get", "ippools", "there")
    assert told(authority, answers, absent, GET_NODES, there).answers == {GET_NODES: False, there: False}


def test_the_token_is_shown_to_the_api(authority: trustme.CA) -> None:
    with serving(Api({"/version": (200, VERSION)}), authority.issue_cert("127.0.0.1")) as api:
        ask(login(authority, api.port))
    assert api.asked[0] == ("/version", f"Bearer {_SECRET}")


def test_a_path_before_the_apis_own_is_kept(authority: trustme.CA) -> None:
    """As Rancher has it: one address for many clusters."""
    answers = {"/k8s/clusters/c-1/version": (200, VERSION), f"/k8s/clusters/c-1{V1}": (201, said(allowed=True))}
    with serving(Api(answers), authority.issue_cert("127.0.0.1")) as api:
        found = ask(login(authority, api.port, server=f"https://127.0.0.1:{api.port}/k8s/clusters/c-1"))
    assert found.answers == {GET_PODS: True}


def test_a_certificate_of_another_authority(authority: trustme.CA) -> None:
    with serving(Api({}), trustme.CA().issue_cert("127.0.0.1")) as api:
        found = ask(login(authority, api.port))
    assert (found.trouble, api.asked) == (Trouble.WRONG_CA, [])


def test_a_certificate_of_another_name(authority: trustme.CA) -> None:
    with serving(Api({}), authority.issue_cert("kubernetes.default")) as api:
        found = ask(login(authority, api.port))
        right = ask(login(authority, api.port, server_name="kubernetes.default"))
    assert (found.trouble, right.trouble) == (Trouble.WRONG_NAME, Trouble.NO_ANSWER)


def test_a_certificate_that_is_over(authority: trustme.CA) -> None:
    over = authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    with serving(Api({}), over) as api:
        assert ask(login(authority, api.port)).trouble is Trouble.SERVER_EXPIRED


def test_a_certificate_that_is_not_to_be_looked_at(authority: trustme.CA) -> None:
    with serving(Api({"/version": (200, VERSION)}), trustme.CA().issue_cert("elsewhere")) as api:
        assert ask(login(authority, api.port, insecure=True)).version == "v1.30.2"


def test_nobody_listens(authority: trustme.CA) -> None:
    found = ask(login(authority, free_port()))
    assert (found.trouble, found.detail) == (Trouble.UNREACHABLE, "connection refused")


def test_nobody_answers(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calico_agent.sources.kubernetes.api._TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = ask(login(authority, silent.getsockname()[1]))
    assert (found.trouble, found.detail) == (Trouble.UNREACHABLE, "it does not answer in time")


def test_a_name_that_does_not_exist(authority: trustme.CA) -> None:
    assert ask(login(authority, 1, server="https://api.invalid:6443")).trouble is Trouble.UNREACHABLE


def test_plain_http_on_loopback_is_asked_and_elsewhere_it_is_not() -> None:
    answers = {"/version": (200, VERSION), V1: (201, said(allowed=True))}
    with serving(Api(answers), None) as api:
        assert ask(ApiLogin(server=f"http://127.0.0.1:{api.port}")).answers == {GET_PODS: True}
    assert ask(ApiLogin(server="http://192.0.2.1:8080", token=_SECRET)).trouble is Trouble.CLEAR_TEXT


BROKEN = {
    "a server that is no URL": {"server": "https://[::1"},
    "a server of another kind": {"server": "ftp://127.0.0.1"},
    "an authority that is none": {"ca": b"nobody"},
    "a certificate that is none": {"token": "", "certificate": b"a", "key": b"b"},
}


@pytest.mark.parametrize("kinds", BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_shown_is_told(authority: trustme.CA, kinds: dict[str, object]) -> None:
    assert ask(login(authority, 1, **kinds)).trouble is Trouble.MALFORMED
