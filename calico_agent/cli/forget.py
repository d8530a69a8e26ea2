"""`calico-agent forget`: what is kept of this host is given up, after what follows was said.

A running agent forgets who this host is by an order, as it would write the file anew. The claim in etcd is given up
only while no agent runs: one that runs would make it again.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from calico_agent.cli.maintenance import Place, answered, given, place_of
from calico_agent.cli.told import Told
from calico_agent.config import Config, load
from calico_agent.errors import EXIT_WRONG, CalicoAgentError, NotRunningError, UsageError
from calico_agent.expected.local_node import runs_elsewhere
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.maintenance import Deed
from calico_agent.model.name_lease import NameOwner
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, Mode
from calico_agent.plan.maintenance.forgetting import Forgetting, forgetting_claim, forgetting_identity, own_claims
from calico_agent.plan.succession import running_name
from calico_agent.runtime import oneshot as once
from calico_agent.runtime.pipeline import identify
from calico_agent.runtime.single import InUseError, Locks
from calico_agent.runtime.supervision import succession_of
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.state.identity import IdentityFile


def forget(options: argparse.Namespace) -> Told:
    """Forget `options.what`. Raises CalicoAgentError where it would do harm, or nobody says yes."""
    config = load(options.config, os.environ, {})
    return (_identity if options.what == "identity" else _claim)(options, config)


def _identity(options: argparse.Namespace, config: Config) -> Told:
    place = place_of(options)
    file = IdentityFile(place.state_dir)
    kept = file.load()
    if replace(kept, machine_id="") == KeptIdentity() and file.trouble is None:
        return Told("nothing is kept of who this host is\n")
    seen = once.look_now(config)
    now, without = (identify(seen.observation, config, each) for each in (kept, KeptIdentity()))
    _agree(forgetting_identity(kept, now, without, succession_of(config, seen.observation, without)), options)
    mode = _mode(place)
    if mode is Mode.SUPERVISE:
        with given(place, Deed.FORGET) as order:
            report = place.wait(lambda said: answered(said, order) and said["supervision"]["order"]["obeyed"])
        if report is None:
            raise CalicoAgentError("the agent does not do it", hint="calico-agent status")
        addresses = (report["identity"][family]["chosen"] for family in ("ipv4", "ipv6"))
        chosen = ", ".join(filter(None, (report["identity"]["name"]["name"], *addresses)))
        return Told(f"forgotten; the agent finds now: {chosen or 'nothing'}\n")
    if mode is None:
        _alone(config, file.remove)
    else:
        file.remove()  # one that only observes neither reads nor writes it
    if file.trouble is not None:
        raise CalicoAgentError(f"not forgotten: {file.trouble.reason}")
    return Told("forgotten; the agent finds name and addresses anew when it is started\n")


def _mode(place: Place) -> Mode | None:
    """The mode of the agent that runs; None where none does."""
    try:
        report = place.report()
    except NotRunningError:
        return None
    if not report.get("conditions"):
        raise CalicoAgentError("the agent was started just now", hint="try again")
    return Mode(report["agent"]["mode"])


def _alone(config: Config, deed: Callable[[], object]) -> None:
    """Do it while no agent runs. Raises CalicoAgentError where one does."""
    locks = Locks()
    try:
        locks.take(config)
        deed()
    finally:
        locks.release()


def _claim(options: argparse.Namespace, config: Config) -> Told:
    seen = once.look_now(config).observation
    claims = own_claims(seen)
    if isinstance(claims, Unreadable):
        raise CalicoAgentError(f"which name this machine has claimed is not known: {claims.source}: {claims.reason}")
    if not claims:
        return Told("this machine has claimed no node name\n")
    settings = seen.datastore_settings
    assert settings is not None, "its claims were read"
    refused, freed = "", ""
    for owner in claims:
        told = forgetting_claim(owner, seen, _running(seen))
        if told.refusal:
            refused += f"calico-agent: {owner.name} stays claimed: {told.refusal}\n"
            continue
        _agree(told, options)
        try:
            _alone(config, partial(_give_up, settings, owner))
        except InUseError:
            refusal = "the agent that runs here would claim it again"
            raise CalicoAgentError(refusal, hint="systemctl disable --now calico-agent") from None
        freed += f"the name {owner.name} is free\n"
    return Told(freed, refused, EXIT_WRONG if refused else 0)


def _running(observation: Observation) -> frozenset[str]:
    docker = observation.docker
    if isinstance(docker, Unreadable) or runs_elsewhere(observation):
        return frozenset()
    return frozenset(running_name(observation, found) for found in docker.containers if found.alive)


def _give_up(settings: DatastoreSettings, owner: NameOwner) -> None:
    try:
        backend = backend_of(settings)
        with backend.claims(backend.endpoints(settings)[0], settings, settings.timeout) as claims:
            unchanged = claims.release(owner)
    except DatastoreError as error:
        raise CalicoAgentError(f"the claim on {owner.name} is not given up: {error.reason}") from None
    if not unchanged:
        raise CalicoAgentError(f"the claim on {owner.name} was changed by somebody else meanwhile", hint="look again")


def _agree(told: Forgetting, options: argparse.Namespace) -> None:
    """Say what follows and ask. Raises CalicoAgentError where it would do harm, or the answer is not yes."""
    sys.stderr.write("".join(f"{line}\n" for line in told.lines))
    if told.refusal:
        raise CalicoAgentError(f"not forgotten: {told.refusal}")
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here", hint="--yes does it without asking")
    sys.stderr.write("forget it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CalicoAgentError("nothing was forgotten")
