"""Kernel modules, by the texts that name them."""

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.kernel.decode.kernel_modules import (
    decode_loaded,
    decode_matches,
    decode_module_files,
    decode_options,
)

DEP = """\
kernel/net/ipv4/ipip.ko.zst: kernel/net/ipv4/tunnel4.ko.zst kernel/net/ipv4/ip_tunnel.ko.zst
kernel/net/netfilter/xt_set.ko.xz: kernel/net/netfilter/ipset/ip_set.ko.xz
extra/vfio-pci.ko:
/lib/modules/3.10.0/kernel/net/ipv4/netfilter/ip_tables.ko:
"""


def test_a_module_is_the_first_of_its_line_however_it_is_packed() -> None:
    assert decode_module_files(DEP) == {"ipip", "xt_set", "vfio_pci", "ip_tables"}


def test_what_is_built_in_is_a_path_for_each_line() -> None:
    assert decode_module_files("kernel/net/ipv4/ipip.ko\nkernel/drivers/net/vxlan/vxlan.ko\n") == {"ipip", "vxlan"}


def test_loaded_modules_are_the_first_words() -> None:
    assert decode_loaded("xt_set 16384 4 - Live 0x0\nip_set 65536 1 xt_set, Live 0x0\n\n") == {"xt_set", "ip_set"}


def test_options_are_those_that_are_set() -> None:
    text = "# CONFIG_NET_IPIP is not set\nCONFIG_VXLAN=m\nCONFIG_IP_SET=y\nCONFIG_IP_SET_MAX=256\nCONFIG_X=yes\n"
    assert decode_options(text) == {"VXLAN": "m", "IP_SET": "y"}


def test_a_match_may_be_of_either_name() -> None:
    assert decode_matches("set\nrpfilter\nrpfilter\n") == {"xt_set", "ipt_set", "xt_rpfilter", "ipt_rpfilter"}


@given(st.text(max_size=40))
def test_whatever_the_text_nothing_is_raised(text: str) -> None:
    for decode in (decode_module_files, decode_loaded, decode_options, decode_matches):
        decode(text)
