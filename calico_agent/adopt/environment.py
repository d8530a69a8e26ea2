"""What else a container is given becomes [node]: what the preset does not give, and what of the preset is left out."""

import re

from calico_agent.adopt.described import Described
from calico_agent.adopt.draft import Draft
from calico_agent.config.values import check_environment
from calico_agent.model.settings import Preset
from calico_agent.plan.presets import PRESETS

# What kubelet tells every pod of the services of its namespace (kubernetes.io/docs, "Service").
_SERVICE = re.compile(
    r"[A-Z][A-Z0-9_]*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)"
)
_IPV6 = "FELIX_IPV6SUPPORT"
_NO_TOKEN = "CALICO_MANAGE_CNI"  # noqa: S105 - a variable
_TOKEN_OF_POD = "outside of a pod there is no token for CNI that calico/node could keep fresh"  # noqa: S105 - a reason


def translate_environment(draft: Draft, described: Described, preset: Preset) -> None:
    """Every variable that no other key says."""
    usual, kept = dict(PRESETS[preset].env), {_NO_TOKEN}
    if draft.settings.get(("identity", "ipv6")) != "none":
        usual[_IPV6] = "true"
        kept.add(_IPV6)
        draft.explain(_IPV6, "calico-agent says so wherever the node has an IPv6 address; it is Felix's default")
    extra: dict[str, str] = {}
    for name, given in described.env.items():
        if name in draft.handled:
            continue
        if name == _NO_TOKEN and preset is Preset.KUBERNETES:
            draft.explain(name, _TOKEN_OF_POD)
        elif described.from_pod and _SERVICE.fullmatch(name):
            draft.explain(name, "kubelet tells pods so of services; no other container is told")
        elif given.unknown:
            draft.explain(name, given.unknown, lost=True)
            draft.fill_in.append((("node", "env"), f"{name}: {given.unknown}"))
        elif fault := _fault(name, given.value):
            draft.explain(name, fault, lost=True)
        elif usual.get(name) != given.value:
            extra[name] = given.value
    if preset is not Preset.V1_3 and described.env.get(_NO_TOKEN) is None:
        draft.explain(_NO_TOKEN, _TOKEN_OF_POD)
    if extra:
        draft.set("node", "env", dict(sorted(extra.items())))
    draft.leave_out(usual.keys() - described.env.keys() - kept)


def _fault(name: str, value: str) -> str:
    try:
        check_environment({name: value})
    except ValueError as error:
        return f"the configuration {error}"
    return ""
