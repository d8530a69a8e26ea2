"""The devices of Calico's tunnels, by the names that Felix gives them."""

from collections.abc import Mapping

from calico_agent.model.network.address import Family

IPIP_DEVICE = "tunl0"
VXLAN_DEVICES: Mapping[Family, str] = {Family.IPV4: "vxlan.calico", Family.IPV6: "vxlan-v6.calico"}
WIREGUARD_DEVICES: Mapping[Family, str] = {Family.IPV4: "wireguard.cali", Family.IPV6: "wg-v6.cali"}
TUNNEL_DEVICES = frozenset({IPIP_DEVICE, *VXLAN_DEVICES.values(), *WIREGUARD_DEVICES.values()})
