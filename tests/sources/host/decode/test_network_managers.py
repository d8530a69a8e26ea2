"""The files of NetworkManager and systemd-networkd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.host.network_managers import DeviceSection, LinkState, NetworkFile, NetworkManager
from calico_agent.sources.host.decode.network_managers import (
    decode_keeps,
    decode_link_state,
    decode_network_file,
    decode_network_manager,
)
from calico_agent.sources.host.decode.settings_file import FileSetting, decode_settings
from tests.examples import at_most


def test_sections_comments_and_continued_lines() -> None:
    text = "stray=1\n[A]\n# x=1\n; y=2\nkey = one \\\n  two\nkey=three=3\nnonsense\n[B]\nempty=\n"
    assert list(decode_settings(text)) == [
        FileSetting("A", "key", "one  two"),
        FileSetting("A", "key", "three=3"),
        FileSetting("B", "empty", ""),
    ]


UNMANAGED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "one file": (
        ("[keyfile]\nunmanaged-devices=interface-name:cali*;interface-name:tunl0\n",),
        ("interface-name:cali*", "interface-name:tunl0"),
    ),
    "a later file counts": (("[keyfile]\nunmanaged-devices=a\n", "[keyfile]\nunmanaged-devices=b,c\n"), ("b", "c")),
    "a later file adds": (("[keyfile]\nunmanaged-devices=a\n", "[keyfile]\nunmanaged-devices+=b\n"), ("a", "b")),
    "a later file takes back": (("[keyfile]\nunmanaged-devices=a;b\n", "[keyfile]\nunmanaged-devices-=a\n"), ("b",)),
    "another section": (("[main]\nunmanaged-devices=a\n",), ()),
}


@pytest.mark.parametrize(("texts", "expected"), UNMANAGED.values(), ids=UNMANAGED.keys())
def test_devices_that_network_manager_leaves(texts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert decode_network_manager(texts, leaves_veth=False) == NetworkManager(expected)


def test_sections_of_a_later_file_come_first() -> None:
    first = "[device]\nmanaged=1\n"
    second = (
        "[device-calico]\nmatch-device=interface-name:cali*\nmanaged=0\n[device-x]\nwifi.scan-rand-mac-address=no\n"
    )
    assert decode_network_manager((first, second), leaves_veth=True).sections == (
        DeviceSection(("interface-name:cali*",), managed=False),
        DeviceSection((), managed=True),
    )


KEEPS = {
    "by itself it keeps nothing": ((), (False, False)),
    "told to keep both": (
        ("[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=false\n",),
        (True, True),
    ),
    "a drop-in counts after the file": (
        ("[Network]\nManageForeignRoutes=no\n", "[Network]\nManageForeignRoutes=yes\n"),
        (False, False),
    ),
    "what is no word changes nothing": (("[Network]\nManageForeignRoutes=maybe\n",), (False, False)),
    "in another section it says nothing": (("[Link]\nManageForeignRoutes=no\n",), (False, False)),
}


@pytest.mark.parametrize(("texts", "expected"), KEEPS.values(), ids=KEEPS.keys())
def test_what_networkd_keeps(texts: tuple[str, ...], expected: tuple[bool, bool]) -> None:
    assert decode_keeps(texts) == expected


def test_a_network_file() -> None:
    text = "[Match]\nName=en*\nName=eth*\nType=wlan\nType=\n[Link]\nUnmanaged=yes\n[Network]\nDHCP=yes\n"
    assert decode_network_file("/x", text) == NetworkFile("/x", (("Name", "en* eth*"),), unmanaged=True)


def test_the_state_of_a_link() -> None:
    text = "# private\nADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/etc/systemd/network/10-eth0.network\n"
    assert decode_link_state(text) == LinkState("configured", "/etc/systemd/network/10-eth0.network")
    assert decode_link_state(text).managed
    assert not LinkState("unmanaged").managed
    assert not LinkState("unmanaged", "/etc/systemd/network/00-calico.network").managed


@at_most(40)
@given(st.text(alphabet="[]=#;\\ \nabMatch+-", max_size=60))
def test_any_text_is_settings(text: str) -> None:
    for setting in decode_settings(text):
        assert setting.section
        assert "\n" not in setting.value
