"""The files of [http] are renewed while the agent runs, and what is of no use changes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calico_agent.api import service
from calico_agent.api.access import Access
from calico_agent.errors import ServeError
from calico_agent.faults.agent import AGENT_TLS
from calico_agent.model.settings import AccessFiles
from tests.api.tls_clients import NAMES, TOKEN, Authorities, TlsPort, make_authorities, put
from tests.authority import issue
from tests.patience import until

OTHER_TOKEN = "f" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return make_authorities(tmp_path_factory.mktemp("authorities"))


@pytest.fixture
def port(tmp_path: Path, made: Authorities, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsPort]:
    monkeypatch.setattr(service, "_RENEW_SECONDS", 0.1)
    port = TlsPort(tmp_path, made, token=True)
    yield port
    port.server.stop()


class TestRenewal:
    def test_a_new_certificate_is_served_without_a_restart(self, port: TlsPort, made: Authorities) -> None:
        new = issue(made.ours, "renewed", NAMES)
        put(port.files.key, new.key.read_text())
        put(port.files.cert, new.cert.read_text())
        until("the new one is served", lambda: port.served() in new.cert.read_text())
        until("nothing is amiss", lambda: not port.words())

    @pytest.mark.parametrize("name", ["cert", "key"])
    def test_half_of_a_pair_changes_nothing_and_is_told(self, port: TlsPort, made: Authorities, name: str) -> None:
        before, new = port.served(), issue(made.ours, f"half-{name}", NAMES)
        put(getattr(port.files, name), getattr(new, name).read_text())
        until("it is told", lambda: "are not a certificate and its key" in port.words())
        assert port.served() == before
        (trouble,) = port.server.troubles()
        assert (trouble.fault, trouble.subject) == (AGENT_TLS, "renewal")
        other = {"cert": "key", "key": "cert"}[name]
        put(getattr(port.files, other), getattr(new, other).read_text())
        until("the new one is served", lambda: port.served() in new.cert.read_text())
        until("nothing is amiss", lambda: not port.words())

    @pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
    def test_a_file_that_is_half_written_changes_nothing(self, port: TlsPort, made: Authorities, share: float) -> None:
        before, text = port.served(), made.server.cert.read_text()
        Path(port.files.cert).write_text(text[: int(share * len(text))])
        until("it is told", lambda: port.files.cert in port.words())
        assert port.served() == before
        Path(port.files.cert).write_text(text)
        until("nothing is amiss", lambda: not port.words())

    def test_a_file_that_is_gone_changes_nothing(self, port: TlsPort) -> None:
        before = port.served()
        Path(port.files.cert).unlink()
        until("it is told", lambda: "cannot be read: No such file" in port.words())
        assert port.served() == before

    def test_a_new_token_is_the_only_one_at_once_and_two_are_both(self, port: TlsPort) -> None:
        def statuses() -> list[int]:
            headers = ([f"Authorization: Bearer {token}"] for token in (TOKEN, OTHER_TOKEN))
            return [port.ask(port.client(), headers=header)[0] for header in headers]

        put(port.files.token, f"{TOKEN}\n\n{OTHER_TOKEN}\n")
        until("both are good", lambda: statuses() == [200, 200])
        put(port.files.token, OTHER_TOKEN)
        until("the old one is none", lambda: statuses() == [401, 200])
        put(port.files.token, "short\n")
        until("it is told", lambda: "token 1 of" in port.words())
        assert "short" not in port.words()
        assert statuses() == [401, 200]

    def test_whose_authority_goes_is_not_let_in_any_more(
        self, tmp_path: Path, made: Authorities, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "_RENEW_SECONDS", 0.1)
        folder = tmp_path / "clients"
        folder.mkdir()
        port = TlsPort(folder, made, client_ca=True)

        def let_in() -> list[bool]:
            found = []
            for pair in (made.client, made.stranger):
                try:
                    found.append(port.ask(port.client(pair))[0] == 200)
                except OSError:
                    found.append(False)
            return found

        put(port.files.client_ca, made.ours.cert.read_text() + made.others.cert.read_text())
        until("both are let in", lambda: let_in() == [True, True])
        put(port.files.client_ca, made.others.cert.read_text())
        until("the first is not", lambda: let_in() == [False, True])
        port.server.stop()


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "has no tokens"),
            ("\n \n", "has no tokens"),
            ("fifteen-letters", "token 1 of"),
            (f"{TOKEN}\ntwo words, and long", "token 2 of"),
            (f"{TOKEN}\n\u00fcber-langes-passwort", "token 2 of"),
            ("\n".join([TOKEN] * 17), "has 17 tokens"),
        ],
    )
    def test_a_token_file_that_is_of_no_use_says_so_and_quotes_nothing(
        self, tmp_path: Path, content: str, words: str
    ) -> None:
        (tmp_path / "token").write_text(content)
        with pytest.raises(ServeError) as caught:
            Access(AccessFiles(token=str(tmp_path / "token"))).open()
        assert words in str(caught.value)
        assert not [word for word in content.split() if len(word) > 5 and word in str(caught.value)]

    def test_nobody_is_let_in_before_the_tokens_are_read(self, tmp_path: Path) -> None:
        access = Access(AccessFiles(token=str(tmp_path / "token")))
        assert not access.admits(f"Bearer {TOKEN}")
        assert not access.admits("")

    def test_a_certificate_that_ends_is_told_in_time(self, made: Authorities) -> None:
        access = Access(AccessFiles(str(made.server.cert), str(made.server.key), str(made.ours.cert)))
        access.open()
        now = datetime.now(UTC)
        words = {
            days: sorted(trouble.what.partition(" on ")[0] for trouble in access.troubles(now + timedelta(days)))
            for days in (0, 59, 61, 91)
        }
        server, authority = access.files.cert, access.files.client_ca
        assert words == {
            0: [],
            59: [],
            61: sorted((f"{server} expires", f"{authority} expires")),
            91: sorted((f"{server} expired", f"{authority} expired")),
        }
        early = [trouble.what for trouble in access.troubles(now - timedelta(days=2))]
        assert ["is not valid before" in words for words in early] == [True, True]
        assert access.ends.keys() == {"server", "client_authority"}

    def test_sessions_that_clients_could_come_back_to_are_given_up(
        self, made: Authorities, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("calico_agent.api.access._MOST_SESSIONS", 0)
        access = Access(AccessFiles(str(made.server.cert), str(made.server.key)))
        access.open()
        before = access.context
        access.renew()
        assert access.context is not before
