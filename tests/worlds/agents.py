"""Agents that supervise on all hosts of a cluster, and live through its history: what they remember goes along."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from msgspec import structs

from calico_agent.config import Config
from calico_agent.config.node import NodeSection
from calico_agent.config.schema import AgentSection, IdentitySection
from calico_agent.identity.sticky import addresses_in_use, names_in_use, remember
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.maintenance import Maintenance, Pause
from calico_agent.model.name_lease import ALIVE, OWNERS, ClaimName
from calico_agent.model.settings import Mode
from calico_agent.report.timeline import Sightings, advance
from calico_agent.runtime.pipeline import Evaluation, make_plan
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from tests.worlds.looking import Look, look_from
from tests.worlds.model.settle import Settled
from tests.worlds.reading import Outside, boot_id
from tests.worlds.stored import AT, Store

SUPERVISES = Config(
    mode=Mode.SUPERVISE, agent=AgentSection(hold_down_seconds=0), node=NodeSection(image="calico/node:v3.31.7")
)


PAUSED = Maintenance(Pause("root", "", AT - timedelta(days=3)))


class Agents:
    """One on each machine, with what it keeps of who it is; and the claims on names, which all of them see."""

    def __init__(self) -> None:
        self._kept: dict[int, KeptIdentity] = {}
        self._owners: dict[str, str] = {}
        self._alive: dict[int, ClaimName] = {}

    def follow(self, settled: Settled) -> list[tuple[Look, Plan]]:
        """What each says, and would do, when everything has lasted. Its container is one that an agent made for the
        node that is registered here."""
        store = Store.of(settled.world, self._claims(settled))
        return [self._pass(settled, name, store) for name in settled.machines]

    def _pass(self, settled: Settled, hostname: str, store: Store) -> tuple[Look, Plan]:
        machine = settled.world.host(hostname).machine
        outside = Outside(settled, hostname, store, self._kept.get(machine))
        config = _supervising(settled.world.versions)
        outside.made_by(config)
        look = look_from(outside, hostname, config)
        plan = _plan(look, config)
        used = addresses_in_use(look.observation.docker, look.observation.datastore, look.identity.name.name)
        names = names_in_use(look.observation.docker)
        self._kept[machine] = remember(outside.kept, look.identity, outside.machine_id, used, AT, names=names)
        if plan.name is not None and plan.name.claim is not None:
            self._owners[plan.name.claim.name] = encode_owner(plan.name.claim)
            self._alive[machine] = plan.name.claim
        return look, plan

    def _claims(self, settled: Settled) -> Iterator[tuple[str, bytes]]:
        """What is in etcd of them. The sign of life of a machine that is gone or was rebooted since has run out."""
        for name, owner in self._owners.items():
            yield f"{OWNERS}{name}", owner.encode()
        for host in settled.world.hosts:
            claim = self._alive.get(host.machine)
            if claim is not None and claim.machine.boot_id == boot_id(host):
                signed = {key: value for key, value in json.loads(encode_owner(claim)).items() if key != "since"}
                yield f"{ALIVE}{claim.name}", json.dumps(signed).encode()


def acts_in_pause(settled: Settled, hostname: str) -> Iterator[str]:
    """What an agent would do on this host although somebody paused it, the node's container being one of its own."""
    config = _supervising(settled.world.versions)
    outside = Outside(settled, hostname, Store.of(settled.world), None)
    node = settled.world.node(settled.machines[hostname].name)
    if node is not None and (node.ipv4 or node.ipv6):
        outside.made_by(config)
    look = look_from(outside, hostname, config)
    resting = replace(look, observation=replace(look.observation, maintenance=PAUSED))
    plan = _plan(resting, config)
    if plan.action is not None or plan.pull or "paused by root" not in plan.doing:
        yield f"acts in a pause: on {hostname}: {plan}"


def _supervising(versions: tuple[int, ...]) -> Config:
    """The configuration of an agent that supervises, for the families of a cluster."""
    ipv4, ipv6 = ("auto" if one in versions else "none" for one in (4, 6))
    return structs.replace(SUPERVISES, identity=IdentitySection(ipv4=ipv4, ipv6=ipv6))


def _plan(look: Look, config: Config) -> Plan:
    """What is done when everything has been so for a day."""
    _, conditions, problems = advance(Sightings(), look.assessment, AT, timedelta(0))
    lasting = tuple(replace(one, since=AT - timedelta(days=1)) for one in conditions)
    evaluation = Evaluation(look.observation, look.identity, look.assessment)
    return make_plan(evaluation, config, Attempts(), lasting, problems)
