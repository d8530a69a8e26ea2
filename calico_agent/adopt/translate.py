"""A calico/node container that somebody else makes -> the configuration with which calico-agent makes the same.

Where it cannot be the same, or must not, a difference says so with its reason. The differences are not collected on the
way: the container that the configuration gives is made (as a value) and held against the one that was described.
"""

from collections.abc import Mapping
from ipaddress import ip_interface

import msgspec

from calico_agent.adopt.compare import compare
from calico_agent.adopt.datastore import translate_datastore
from calico_agent.adopt.described import Described, NotTakenOver, Translation
from calico_agent.adopt.docker.mounts import translate_mounts
from calico_agent.adopt.docker.options import translate_options
from calico_agent.adopt.draft import Draft
from calico_agent.adopt.environment import translate_environment
from calico_agent.adopt.identity import translate_identity
from calico_agent.config.consistency import Key, joint_faults
from calico_agent.config.keys import schema_keys
from calico_agent.config.schema import Config
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.identity import AddressChoice, Identity, NameChoice
from calico_agent.model.network.address import Family
from calico_agent.model.settings import DatastoreSettings, EtcdApi, Preset
from calico_agent.plan.desired_container import wanted_container


def translate(described: Described) -> Translation:
    """Raises Refused, with place and reason, for what calico-agent cannot take over."""
    draft = Draft()
    draft.set("", "mode", "supervise")
    datastore = translate_datastore(draft, described)
    old = datastore.api is EtcdApi.V2
    preset = Preset.V1_3 if old else Preset.V3 if datastore.kubernetes is None else Preset.KUBERNETES
    translate_identity(draft, described.env, old=old)
    translate_options(draft, described)
    draft.set("node", "preset", preset.value)
    translate_environment(draft, described, preset)
    translate_mounts(draft, described, preset)
    config = config_of(draft.settings)
    _check(config, draft, described)
    differences = compare(described, _wanted(config, datastore), draft)
    return Translation(_kept(draft, config), tuple(differences), tuple(draft.fill_in), tuple(draft.commands))


def _kept(draft: Draft, config: Config) -> dict[Key, object]:
    """The keys that are not what they are by default, in the order of the file."""
    usual = Config()

    def value(of: Config, key: Key) -> object:
        section, name = key
        return getattr(getattr(of, section) if section else of, name)

    return {
        key: draft.settings[key]
        for key in schema_keys()
        if key in draft.settings and value(config, key) != value(usual, key)
    }


def config_of(settings: Mapping[Key, object]) -> Config:
    """The settings as a configuration."""
    tree: dict[str, object] = {}
    for (section, name), value in settings.items():
        home = tree.setdefault(section, {}) if section else tree
        assert isinstance(home, dict)
        home[name] = value
    return msgspec.convert(tree, Config)


def _check(config: Config, draft: Draft, described: Described) -> None:
    """What is wrong although each value alone is right, except for what has to be filled in."""
    open_keys = {key for key, _ in draft.fill_in}
    for key, words in joint_faults(config):
        if key not in open_keys and not (key[0] == "datastore" and open_keys):
            section, name = key
            raise NotTakenOver(described.image.place, f"as [{section}] {name} it {words}")


def _wanted(config: Config, datastore: DatastoreSettings) -> ContainerSpec:
    """The container, for an identity that stands for the one that the agent will find."""
    identity = Identity(
        NameChoice(config.identity.name or "-"),
        _choice(config.identity.ipv4, Family.IPV4),
        _choice(config.identity.ipv6, Family.IPV6),
    )
    return wanted_container(config.node_settings(), datastore, identity)


def _choice(text: str, family: Family) -> AddressChoice:
    if text == "none":
        return AddressChoice(family, wanted=False)
    nowhere = "0.0.0.0" if family is Family.IPV4 else "::"  # noqa: S104 - an address that stands for none
    return AddressChoice(family, chosen=ip_interface(nowhere if text == "auto" else text))
