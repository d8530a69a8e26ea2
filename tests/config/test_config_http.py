"""The section [http]: what others may reach, and the files that protect it."""

from pathlib import Path

import pytest

from calico_agent.config import check, load
from calico_agent.errors import ConfigError
from tests.authority import Pair, issue, self_signed

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """An authority, and one of its certificates; both last for 90 days."""
    authority = self_signed(tmp_path_factory.mktemp("pairs"), "authority")
    return authority, issue(authority, "localhost")


class Section:
    """A configuration with a section [http] and the files that it can name."""

    def __init__(self, folder: Path, pairs: tuple[Pair, Pair]) -> None:
        self.file = folder / "agent.toml"
        for name, path in (("ca", pairs[0].cert), ("cert", pairs[1].cert), ("key", pairs[1].key)):
            (folder / name).write_text(path.read_text())
        (folder / "token").write_text(TOKEN)
        (folder / "other").write_text(pairs[0].key.read_text())
        for secret in ("key", "token", "other"):
            (folder / secret).chmod(0o600)

    def write(self, lines: str) -> None:
        """`FILE` in a line is a file of this folder by name: `key_file=key`."""
        said = [line.partition("=") for line in lines.split()]
        text = (f'{key} = "{value if key == "listen" else self.file.parent / value}"' for key, _, value in said)
        self.file.write_text("\n".join(("[http]", *text)))

    def faults(self, lines: str) -> list[str]:
        """What the check refuses."""
        self.write(lines)
        try:
            check(self.file, {})
        except ConfigError as error:
            return [line.replace(f"{self.file.parent}/", "").removeprefix("agent.toml: ") for line in error.faults]
        return []


@pytest.fixture
def section(tmp_path: Path, pairs: tuple[Pair, Pair]) -> Section:
    return Section(tmp_path, pairs)


@pytest.mark.parametrize(
    ("lines", "lacks"),
    [
        ("", "with cert_file and key_file and with client_ca_file or token_file"),
        ("token_file=token", "with cert_file and key_file"),
        ("cert_file=cert key_file=key", "with client_ca_file or token_file"),
        ("cert_file=cert key_file=key token_file=token", None),
        ("cert_file=cert key_file=key client_ca_file=ca", None),
        ("cert_file=cert key_file=key client_ca_file=ca token_file=token", None),
    ],
)
@pytest.mark.parametrize("address", ["10.0.0.11", "0.0.0.0", "[::]", "[fd00::1]"])
def test_what_others_reach_needs_tls_and_a_way_to_know_them(
    section: Section, address: str, lines: str, lacks: str | None
) -> None:
    plain = address.strip("[]")
    refused = (
        f'[http] listen: "{address}:9197" is not opened: other machines reach {plain}, which [http] allows only '
        f"{lacks} (or an address of loopback)"
    )
    assert section.faults(f"listen={address}:9197 {lines}") == ([] if lacks is None else [refused])
    assert load(section.file, {}).listen == (plain, 9197)  # an agent that starts all the same does all else


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "[::1]"])
def test_on_loopback_nothing_is_needed(section: Section, address: str) -> None:
    assert section.faults(f"listen={address}:9197") == []


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("cert_file=cert", "[http] cert_file: is of no use without key_file"),
        ("key_file=key", "[http] key_file: is of no use without cert_file"),
        ("client_ca_file=ca", "[http] client_ca_file: is of no use without cert_file"),
        ("listen= token_file=token", '[http] token_file: is of no use with listen = ""'),
        ("token_file=none", "[http] token_file: none cannot be read: No such file or directory"),
        ("cert_file=cert key_file=other", "[http] key_file: cert and other are not a certificate and its key"),
        ("cert_file=key key_file=key", "[http] cert_file: key: it holds no certificate"),
        ("cert_file=cert key_file=cert", "[http] key_file: cert holds no private key"),
        ("cert_file=cert key_file=key client_ca_file=key", "[http] client_ca_file: key: it holds no certificate"),
    ],
)
def test_files_that_are_of_no_use_are_refused_with_their_key(section: Section, lines: str, fault: str) -> None:
    assert section.faults(lines) == [fault]


def test_secrets_that_everybody_may_read_are_warned_of_and_good_files_are_told(section: Section) -> None:
    section.write("cert_file=cert key_file=key token_file=token")
    _, warnings, notes = check(section.file, {})
    assert warnings == []
    assert ["valid until" in note for note in notes] == [True]
    for name in ("key", "token"):
        (section.file.parent / name).chmod(0o644)
    told = [warning.partition("] ")[2].partition(":")[0] for warning in check(section.file, {})[1]]
    assert told == ["key_file", "token_file"]
    (section.file.parent / "token").chmod(0o602)
    assert "every user may write it" in section.faults("token_file=token")[0]


@pytest.mark.parametrize("group", ["", "adm", "1000", "host$"])
def test_the_group_of_the_socket_is_a_name_or_a_number(section: Section, group: str) -> None:
    section.file.write_text(f'[http]\nsocket_group = "{group}"')
    assert load(section.file, {}).http.socket_group == group


@pytest.mark.parametrize("group", ["a b", "x" * 33, "-x", "a/b"])
def test_what_is_no_group_is_refused(section: Section, group: str) -> None:
    section.file.write_text(f'[http]\nsocket_group = "{group}"')
    with pytest.raises(ConfigError, match="is not the name of a group"):
        load(section.file, {})
