"""Which links a network manager takes, by what its files say."""

import pytest

from calico_agent.model.host.network_managers import Device, DeviceSection, NetworkFile, NetworkManager

POD, TUNL0 = Device("cali0123456789a", "veth", "ee:ee:ee:ee:ee:ee"), Device("tunl0", "ipip")

SPECS: dict[str, tuple[tuple[str, ...], bool | None]] = {
    "nothing": ((), True),
    "everything": (("*",), False),
    "by name": (("interface-name:cali*",), False),
    "by another name": (("interface-name:eth?", "interface-name:docker*"), True),
    "by a name that is no pattern": (("interface-name:=cali*",), True),
    "by a name with an old sign": (("interface-name:~cali*",), False),
    "brackets are no pattern": (("interface-name:cal[i]*",), True),
    "a name alone is no pattern": (("cali*",), True),
    "a name alone": (("cali0123456789a",), False),
    "by the address of a card": (("mac:00:22:68:1c:59:b1",), True),
    "by driver": (("driver:veth",), False),
    "by a version of the driver": (("driver:veth/1.*",), None),
    "by type": (("type:veth",), False),
    "by another type": (("type:wifi",), True),
    "all but one": (("except:interface-name:eth0",), False),
    "all but these": (("*", "except:interface-name:cali*"), True),
    "all but what is not known": (("*", "except:driver:veth/1.*"), None),
    "what is excepted counts first, whatever its place": (("except:type:veth", "interface-name:cali*"), True),
}


@pytest.mark.parametrize(("specs", "managed"), SPECS.values(), ids=SPECS.keys())
def test_what_network_manager_manages(specs: tuple[str, ...], managed: bool | None) -> None:
    assert NetworkManager(specs).manages(POD) is managed


def test_what_udev_and_sections_say() -> None:
    left = NetworkManager(leaves_veth=True)
    assert left.manages(POD) is False
    assert left.manages(TUNL0) is True
    sections = (DeviceSection(("interface-name:tunl0",), managed=False), DeviceSection((), managed=True))
    told = NetworkManager(sections=sections, leaves_veth=True)
    assert told.manages(TUNL0) is False
    assert told.manages(POD) is True


MATCHES: dict[str, tuple[tuple[tuple[str, str], ...], bool | None]] = {
    "no condition": ((), False),
    "all names": ((("Name", "*"),), True),
    "one of several names": ((("Name", "eth0 cali*"),), True),
    "no such name": ((("Name", "en* eth*"),), False),
    "any but these names": ((("Name", "!en* eth*"),), True),
    "any but pods": ((("Name", "!cali*"),), False),
    "a type": ((("Type", "ether"),), True),
    "a driver": ((("Driver", "vmxnet3"),), False),
    "a kind": ((("Kind", "veth"),), True),
    "a card": ((("MACAddress", "00:11:22:33:44:55"),), False),
    "a slot": ((("Path", "pci-*"),), False),
    "a machine": ((("Virtualization", "vmware"),), None),
    "a machine, and a name that is another": ((("Virtualization", "vmware"), ("Name", "ens*")), False),
}


@pytest.mark.parametrize(("match", "takes"), MATCHES.values(), ids=MATCHES.keys())
def test_what_a_network_file_is_for(match: tuple[tuple[str, str], ...], takes: bool | None) -> None:
    assert NetworkFile("/etc/systemd/network/x.network", match).takes(POD) is takes
