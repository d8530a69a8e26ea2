"""How kube-proxy does its work: its command line and its configuration file -> mode, masquerading, port for questions.

With a configuration file these flags count for nothing (cmd/kube-proxy/app/options.go@kubernetes v1.37.2). Where no
mode is said it is iptables since v1.2 (cmd/kube-proxy/app/server_linux.go@kubernetes v1.37.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import section, text
from calico_agent.sources.kubernetes.decode.flags import flag_values, is_set
from calico_agent.sources.kubernetes.decode.yaml_object import parse_yaml

MODES = frozenset({"iptables", "ipvs", "nftables", "userspace"})
_USUAL_PORT = 10249
_FLAGS = frozenset({"config", "proxy-mode", "metrics-bind-address", "metrics-port"})


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """What it was told. `mode` is empty where nothing says it, `port` the one on which it tells its mode (0: none)."""

    mode: str = ""
    masquerades_all: bool = False
    port: int = _USUAL_PORT


def configuration_file(arguments: Sequence[str]) -> str:
    """The file that its command line names; empty for none."""
    return flag_values(arguments, _FLAGS).get("config", "")


def decode_arguments(arguments: Sequence[str]) -> ProxyOptions:
    """Its options where it has no configuration file."""
    flags = flag_values(arguments, _FLAGS)
    port = _port(flags.get("metrics-bind-address", ""), flags.get("metrics-port", ""))
    return ProxyOptions(_mode(flags.get("proxy-mode", "")), is_set(arguments, "masquerade-all"), port)


def decode_configuration(content: str) -> ProxyOptions:
    """KubeProxyConfiguration. Raises Malformed."""
    fields = parse_yaml(content)
    mode = _mode(text(fields, "mode") or "")
    # The section of nftables counts in that mode only, that of iptables in the others.
    rules = section(fields, "nftables" if mode == "nftables" else "iptables")
    return ProxyOptions(mode, rules.get("masqueradeAll") is True, _port(text(fields, "metricsBindAddress") or "", ""))


def decode_answer(body: bytes) -> str:
    """What it says at /proxyMode. Raises Malformed for anything else."""
    said = body.decode(errors="replace").strip()
    if said not in MODES:
        raise Malformed(f"it answers {said[:40]!a}, which is no mode")
    return said


def _mode(said: str) -> str:
    """A mode that Kubernetes does not know keeps kube-proxy from starting, or is ignored by old ones."""
    return said if said in MODES else ""


def _port(address: str, port: str) -> int:
    """`--metrics-bind-address` holds address and port, or an address alone, which --metrics-port goes with."""
    last = address.rpartition(":")[2] if not address.endswith("]") else ""
    for number in (last if ":" in address else "", port):
        if number.isdecimal() and int(number) < 1 << 16:
            return int(number)
    return _USUAL_PORT
