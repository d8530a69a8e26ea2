"""CNI configurations: which plugins they name, and under which node name Calico's registers pods.

A `.conflist` holds a list of plugins, a `.conf` is one itself. The plugin takes `nodename`, then the content of
`nodename_file`, then the host name; before v2.6 the key was `hostname` (cni-plugin/pkg/plugin/plugin.go@v3.32.1).
"""

from calico_agent.model.host.cni import CniFile
from calico_agent.model.host.machine import CniPlugin
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject, objects, parse_object, section, text

_TYPE = "calico"
_HANDING_ON = frozenset({"multus", "multus-shim"})


def decode_cni(file: str, content: bytes) -> CniPlugin | None:
    """Calico's plugin in one file, None when it has none. `nodename_file` is the path as written, not its content."""
    try:
        whole = parse_object(content)
        plugin = next((one for one in _plugins(whole) if one.get("type") == _TYPE), None)
        if plugin is None:
            return None
        name = text(plugin, "nodename") or text(plugin, "hostname") or ""
        mtu = plugin.get("mtu")  # a template that nobody filled in has a word there
        return CniPlugin(
            file,
            name,
            "" if name else text(plugin, "nodename_file") or "",
            mtu=mtu if type(mtu) is int and 0 < mtu < 1 << 16 else 0,
        )
    except Malformed:
        return None  # the runtime refuses it, too: nothing is registered by it


def decode_cni_files(content: bytes) -> tuple[str, str, str]:
    """The files by which Calico's plugin knows etcd and proves who it is: authority, certificate, key; empty for none.

    Raises Malformed.
    """
    plugin = next((one for one in _plugins(parse_object(content)) if one.get("type") == _TYPE), {})
    ca, certificate, key = (text(plugin, f"etcd_{kind}_file") or "" for kind in ("ca_cert", "cert", "key"))
    return ca, certificate, key


def decode_cni_file(path: str, content: bytes) -> CniFile:
    """One file as the runtime sees it. What it would refuse has an `error`: no plugin, or one without a type."""
    try:
        whole = parse_object(content)
        plugins = _plugins(whole)
        kinds = tuple(text(one, "type") or "" for one in plugins)
        named = tuple(dict.fromkeys(filter(None, (*kinds, *(text(section(one, "ipam"), "type") for one in plugins)))))
        version = text(whole, "cniVersion") or ""
    except Malformed as error:
        return CniFile(path, error=error.what)
    if not all(kinds):
        return CniFile(path, error="it names no plugin")
    return CniFile(path, kinds, named, version, hands_on=not _HANDING_ON.isdisjoint(kinds))


def calico_plugin(content: bytes) -> JsonObject | None:
    """What one file tells Calico's plugin; None where it has none."""
    try:
        return next((one for one in _plugins(parse_object(content)) if one.get("type") == _TYPE), None)
    except Malformed:
        return None


def is_taken(content: bytes) -> bool:
    """Whether the runtime stops at this file: it holds plugins, and none that only hands on to the next file.

    Multus is one of those: it calls what the other files configure.
    """
    try:
        kinds = {one.get("type") for one in _plugins(parse_object(content))} - {None}
    except Malformed:
        return False
    return bool(kinds) and kinds.isdisjoint(_HANDING_ON)


def _plugins(whole: JsonObject) -> list[JsonObject]:
    return objects(whole, "plugins") or [whole]
