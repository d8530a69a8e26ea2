"""YAML that Kubernetes reads: kubeconfig, KubeProxyConfiguration, KubeletConfiguration. JSON is YAML, too."""

from collections.abc import Mapping

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_MOST = 1 << 18


def parse_yaml(text: str) -> JsonObject:
    """The one mapping in `text`. Raises Malformed."""
    import yaml  # noqa: PLC0415 - its 2.5 MiB are for hosts of Kubernetes only

    if len(text) > _MOST:
        raise Malformed(f"it is larger than {_MOST >> 10} KiB")
    try:
        parsed = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError):
        raise Malformed("it is not YAML") from None
    if not isinstance(parsed, Mapping):
        raise Malformed("it is no YAML mapping")
    return dict(parsed)
