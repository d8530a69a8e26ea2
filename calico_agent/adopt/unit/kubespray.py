"""/etc/calico/calico.env of kubespray 2.1 and 2.2, with what their unit has fixed beside it.

After roles/network_plugin/calico/templates/{calico-node.service.j2,calico.env.j2} of kubernetes-sigs/kubespray@v2.2.0.
Image, limits and the action for traffic to the host are in the unit, not in this file.
"""

from dataclasses import replace

from calico_agent.adopt.described import Described, Difference, Given
from calico_agent.adopt.unit.environment_file import parse_environment_file
from calico_agent.adopt.unit.unit import Files, Unit, describe_unit
from calico_agent.model.container.run_options import RunOptions
from calico_agent.secret import shown_value

UNIT_FILE = "/etc/systemd/system/calico-node.service"
_CERTS = "/etc/calico/certs"
# The names in the file by those in the container.
_RENAMED = {
    "HOSTNAME": "CALICO_HOSTNAME",
    "IP": "CALICO_IP",
    "IP6": "CALICO_IP6",
    "AS": "CALICO_AS",
    "NO_DEFAULT_POOLS": "CALICO_NO_DEFAULT_POOLS",
}
_SAME = (
    *("CLUSTER_TYPE", "CALICO_NETWORKING_BACKEND", "CALICO_LIBNETWORK_ENABLED"),
    *("ETCD_ENDPOINTS", "ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE"),
)
_MOUNTED = ("/var/log/calico", "/run/docker/plugins", "/lib/modules", "/var/run/calico")
_IN_THE_UNIT = f"it is in the unit and not in this file: see {UNIT_FILE}, or import --unit it"
_NOT_GIVEN = "kubespray's unit does not give it to the container; if the unit here does, import --unit it"
# kubespray's defaults, which its inventory may have changed.
_USUAL = {"memory": "--memory=500M", "cpu_shares": "--cpu-shares=300"}
_ACTION = "FELIX_DEFAULTENDPOINTTOHOSTACTION"


def describe_kubespray(path: str, text: str, files: Files) -> Described:
    """The container that kubespray's unit makes of this file."""
    found = parse_environment_file(path, text)
    authority = found.get("ETCD_CA_CERT_FILE")
    certs = authority.text.rpartition("/")[0] if authority is not None and "/" in authority.text else _CERTS
    names = {**_RENAMED, **{name: name for name in _SAME}}
    words = [
        "ExecStart=/usr/bin/docker run --net=host --privileged --name=calico-node",
        *(f"-e {name}=${{{variable}}}" for name, variable in names.items()),
        *(f"-v {mounted}:{mounted}" for mounted in _MOUNTED),
        f"-v {certs}:{certs}:ro calico/node",
    ]
    unit = f"[Service]\nEnvironmentFile={path}\n{' '.join(words)}\nRestart=always\n"
    described = describe_unit(Unit((("kubespray's unit", unit),), {}), files, origin=f"kubespray's {path}")
    env = {
        name: replace(given, place=found[variable].place) if (variable := names.get(name, "")) in found else given
        for name, given in described.env.items()
    }
    env[_ACTION] = Given(unknown=_IN_THE_UNIT)
    limits = tuple(Difference(name, usual, "", _IN_THE_UNIT, lost=True) for name, usual in _USUAL.items())
    others = tuple(
        Difference(name, shown_value(name, word.text) or '""', "", _NOT_GIVEN, word.place, lost=True)
        for name, word in found.items()
        if name not in names.values()
    )
    remarks = (*limits, *others)
    return replace(described, image=Given(unknown=_IN_THE_UNIT), env=env, options=RunOptions(), remarks=remarks)
