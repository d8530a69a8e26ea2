"""NODENAME, IP and their like become [identity]: calico-agent decides them, within what was said.

calico/node takes NODENAME, then HOSTNAME, then the host's name, the latter two in lower case since v3.0
(node/pkg/lifecycle/utils/utils.go of projectcalico/calico@v3.32.1); and of `IP` a text without value as an order to
find an address only where none is registered (node/pkg/lifecycle/startup/startup.go@v3.32.1).
"""

from collections.abc import Mapping

from calico_agent.adopt.described import Given
from calico_agent.adopt.draft import Draft
from calico_agent.config.values import is_name_in_calico_3

_NOTHING = Given()
VARIABLES = ("NODENAME", "IP", "IP6", "IP_AUTODETECTION_METHOD", "IP6_AUTODETECTION_METHOD")


def translate_identity(draft: Draft, env: Mapping[str, Given], *, old: bool) -> None:
    """`old`: calico/node of Calico 2.x, which keeps the case of names."""
    draft.handled.update(VARIABLES)
    _name(draft, env, old=old)
    for variable, key in (("IP", "ipv4"), ("IP6", "ipv6")):
        by_method = bool(env.get(f"{variable}_AUTODETECTION_METHOD", _NOTHING).value.strip())
        _address(draft, env.get(variable, _NOTHING), key, _BY_METHOD if by_method else _FOUND)
    _method(draft, env.get("IP_AUTODETECTION_METHOD", _NOTHING), "IP", "ipv4", "method")
    _method(draft, env.get("IP6_AUTODETECTION_METHOD", _NOTHING), "IP6", "ipv6", "method6")


def _name(draft: Draft, env: Mapping[str, Given], *, old: bool) -> None:
    given, hostname = env.get("NODENAME", _NOTHING), env.get("HOSTNAME", _NOTHING)
    name = given.value.strip()
    if not name and not given.unknown and (hostname.value.strip() or hostname.unknown):
        draft.handled.add("HOSTNAME")
        draft.explain("HOSTNAME", "the name that it gives is given as NODENAME, which calico/node asks first")
        given = hostname
        name = hostname.value.strip() if old else hostname.value.strip().lower()
    if given.unknown:
        why = f"{given.unknown}; calico-agent takes the host's name: compare `calico-agent detect`"
        draft.explain("NODENAME", why, lost=True)
    elif not name:
        draft.explain("NODENAME", "no name was given, so calico/node takes the host's; calico-agent does, and says it")
    elif fault := _name_fault(draft, name, old=old):
        draft.explain("NODENAME", f"{fault}; calico-agent takes the host's name", lost=True)
    else:
        draft.explain("NODENAME", "calico-agent always says the name, so that no file or host name can change it")


def _name_fault(draft: Draft, name: str, *, old: bool) -> str:
    if not old and not is_name_in_calico_3(name):
        return f"{name[:80]!a} is not a node name that Calico 3.x accepts"
    return draft.set("identity", "name", name)


def _address(draft: Draft, given: Given, key: str, found: str) -> None:
    """`found` is what to say of one that is to be found."""
    variable = "IP" if key == "ipv4" else "IP6"
    text = given.value.strip()
    if given.unknown and key == "ipv6":
        draft.set("identity", key, "none")
        draft.explain(variable, f"{given.unknown}; without it IPv6 is not used", lost=True)
    elif given.unknown:
        draft.set("identity", key, "auto")
        draft.explain(variable, f"{given.unknown}; calico-agent finds this host's address by evidence")
    elif text in {"", "autodetect"}:
        wanted = key == "ipv4" or text == "autodetect"
        draft.set("identity", key, "auto" if wanted else "none")
        draft.explain(variable, found if wanted else "without a value it means that IPv6 is not used")
    elif text == "none":
        draft.set("identity", key, "none")
        draft.explain(variable, "the family is not used")
    elif fault := draft.set("identity", key, text):
        draft.set("identity", key, "auto")
        draft.explain(variable, f"{fault}; calico-agent finds this host's address by evidence", lost=True)
    elif "/" not in text:
        draft.explain(
            variable,
            "without a length calico/node registers a network of one address, or looks for the link itself; "
            "calico-agent also checks that this host has the address",
        )


_BY_METHOD = "calico-agent finds it by Calico's method that is given, and passes over an address that cannot be right"
_FOUND = "calico/node takes the first address that fits, a bridge's too; calico-agent finds this host's by evidence"


def _method(draft: Draft, given: Given, variable: str, family: str, key: str) -> None:
    subject = f"{variable}_AUTODETECTION_METHOD"
    text = given.value.strip()
    if not text and not given.unknown:
        draft.explain(subject, "without a value it means Calico's default")
        return
    if given.unknown:
        draft.explain(subject, f"{given.unknown}; calico-agent finds this host's address by evidence", lost=True)
    elif draft.settings.get(("identity", family)) != "auto":
        draft.explain(subject, "it is of no use beside an address that is given, or a family that is not used")
    elif fault := draft.set("identity", key, text):
        draft.explain(subject, f"{fault}; calico-agent finds this host's address by evidence", lost=True)
    else:
        draft.explain(subject, f"calico-agent goes by it itself ([identity] {key}) and gives calico/node the result")
