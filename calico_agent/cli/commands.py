"""The commands. Each imports what it needs when it runs: `status` must answer within 100 ms, the daemon costs 600."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from calico_agent.cli import terminal
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, CalicoAgentError, UsageError

if TYPE_CHECKING:
    from calico_agent.cli.told import Told
    from calico_agent.config import Config


def _load(options: argparse.Namespace) -> "Config":
    from calico_agent.config import load  # noqa: PLC0415

    return load(options.config, os.environ, _flags(options))


def _flags(options: argparse.Namespace) -> dict[tuple[str, str], str]:
    flags = {
        ("", "mode"): getattr(options, "mode", None),
        ("log", "level"): getattr(options, "log_level", None),
        ("log", "format"): getattr(options, "log_format", None),
    }
    return {key: value for key, value in flags.items() if value is not None}


def run(options: argparse.Namespace) -> int:
    """The daemon, until it is told to stop; with `--dry-run` what it would do."""
    config = _load(options)
    if options.dry_run:
        return _dry_run(config)
    from calico_agent.config import ConfigOnDisk  # noqa: PLC0415
    from calico_agent.runtime import daemon  # noqa: PLC0415

    return daemon.run(config, ConfigOnDisk(config, lambda: _load(options), options.config))


def _dry_run(config: "Config") -> int:
    from calico_agent.report.pages.docker_run import render_docker_run  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415
    from calico_agent.secret import masked  # noqa: PLC0415

    if not config.node.image:
        raise UsageError("[node] image is not set: which calico/node would be run?")
    wanted = once.wanted_now(config)
    if wanted.spec is None:
        raise CalicoAgentError(f"the agent would run no calico/node here: {wanted.why_not}")
    password = config.datastore.password_file
    terminal.show(
        render_docker_run(wanted.spec, url=config.docker.url, files={"ETCD_PASSWORD": password} if password else {})
    )
    succession = wanted.succession
    stays = f"what runs here stays as it is, because {succession.stays}; {succession.on_purpose}"
    refused = wanted.refused or succession.barred
    for reason in (refused, wanted.unproved, stays if succession.stays else ""):
        if reason:
            print(f"calico-agent: not now: {masked(reason)}", file=sys.stderr)
    return EXIT_GOOD


def status(options: argparse.Namespace) -> int:
    """What the running agent says, or what one would say now."""
    from calico_agent.cli.live import status as live  # noqa: PLC0415

    return live.status(options, lambda: _load(options))


def peers(options: argparse.Namespace) -> int:
    """The BGP sessions."""
    from calico_agent.cli.live import status as live  # noqa: PLC0415

    return live.peers(options, lambda: _load(options))


def history(options: argparse.Namespace) -> int:
    """What happened on this host."""
    from calico_agent.cli.live import history as live  # noqa: PLC0415

    return live.history(options)


def diags(options: argparse.Namespace) -> int:
    """One file for a report of trouble."""
    from calico_agent.cli.live import diags as live  # noqa: PLC0415

    return live.diags(options, lambda: _load(options))


def preflight(options: argparse.Namespace) -> int:
    """Whether this host and its cluster fulfil what Calico needs."""
    config = _load(options)
    from calico_agent.model.preflight import Verdict  # noqa: PLC0415
    from calico_agent.report.as_json import json_text  # noqa: PLC0415
    from calico_agent.report.preflight import preflight_json, render_preflight  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415

    checks = once.checks_now(config)
    if options.json:
        terminal.show(json_text(preflight_json(checks)))
    else:
        terminal.show(render_preflight(checks, colour=terminal.wants_colour(), width=terminal.width()))
    return EXIT_WRONG if any(check.verdict is Verdict.FAILURE for check in checks) else EXIT_GOOD


def detect(options: argparse.Namespace) -> int:
    """Who this host is."""
    config = _load(options)
    from calico_agent.report.as_json import json_text  # noqa: PLC0415
    from calico_agent.report.pages.identity_text import identity_json, render_identity  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415

    identity = once.identify_now(config)
    if options.json:
        terminal.show(json_text(identity_json(identity)))
    else:
        terminal.show(render_identity(identity, terminal.width()))
    return EXIT_GOOD if identity.complete else EXIT_WRONG


def routes(options: argparse.Namespace) -> int:
    """What `routes` asks."""
    filters = {"node": options.node, "pool": options.pool, "state": options.state}
    return _question(options, "routes", filters)


def trace(options: argparse.Namespace) -> int:
    """Raises UsageError for what is no address."""
    from ipaddress import ip_address  # noqa: PLC0415

    try:
        address = ip_address(options.address)
    except ValueError:
        raise UsageError(f"{options.address[:60]!a} is no address", hint="for example 192.168.1.5") from None
    return _question(options, "trace", {"address": str(address)})


def _question(options: argparse.Namespace, page: str, parameters: dict[str, str]) -> int:
    """Ask the running agent, or what a running agent would answer."""
    parameters["format"] = "json" if options.json else "text"
    if options.once:
        from calico_agent.api import questions  # noqa: PLC0415
        from calico_agent.runtime import oneshot as once  # noqa: PLC0415

        queries = once.queries_now(_load(options))
        answered = (questions.answer_routes if page == "routes" else questions.answer_trace)(queries, parameters)
        if answered.error:
            raise UsageError(answered.error)
        healthy, text = answered.healthy, answered.body.decode()
    else:
        from urllib.parse import urlencode  # noqa: PLC0415

        from calico_agent.cli import client  # noqa: PLC0415

        socket_path = options.socket or client.find_socket(options.config, os.environ)
        answer = client.ask(socket_path, f"/{page}?{urlencode(parameters)}", timeout=10.0)
        healthy, text = answer.healthy, answer.text
    terminal.show(text)
    return EXIT_GOOD if healthy else EXIT_WRONG


def explain(options: argparse.Namespace) -> int:
    """Raises UsageError for an unknown code."""
    from calico_agent.cli.explain import explain  # noqa: PLC0415

    terminal.show(explain(options.code))
    return EXIT_GOOD


def usage(options: argparse.Namespace) -> int:
    """How the commands are used."""
    # Whatever is not a command ends here with the usage of what comes before it.
    options.top.parse_args([*options.words, "--help"])
    return EXIT_GOOD


def config_check(options: argparse.Namespace) -> int:
    """Raises ConfigError, whose words say what is wrong."""
    from calico_agent.config import check  # noqa: PLC0415

    config, warnings, notes = check(options.config, os.environ, _flags(options))
    for warning in warnings:
        print(f"calico-agent: warning: {warning}", file=sys.stderr)
    terminal.show("".join(f"{line}\n" for line in (f"the configuration is good (mode {config.mode.value})", *notes)))
    return EXIT_GOOD


def config_show(options: argparse.Namespace) -> int:
    """The configuration in effect, and what calico/node is started with."""
    config = _load(options)
    from calico_agent.config.show import render_config  # noqa: PLC0415
    from calico_agent.plan.presets import render_preset  # noqa: PLC0415

    terminal.show(render_config(config) + "\n" + render_preset(config.node.preset))
    return EXIT_GOOD


def manifest_split(options: argparse.Namespace) -> int:
    """Raises UsageError, with the line and the reason, for a manifest that cannot be split."""
    from calico_agent.cli.manifest_split import CERTS_DIR, SplitRequest, split_manifest  # noqa: PLC0415

    wanted = SplitRequest(
        options.manifest,
        certs_dir=options.certs_dir or CERTS_DIR,
        diff=options.diff,
        output_dir=options.output_dir,
        in_place=options.in_place,
    )
    return _tell(split_manifest(wanted))


def import_(options: argparse.Namespace) -> int:
    """What somebody else runs. Raises UsageError for what cannot be read, with the place and the reason."""
    from calico_agent.cli.importing import import_container  # noqa: PLC0415

    return _tell(import_container(options, lambda: _load(options).docker, terminal.width()))


def config_diff(options: argparse.Namespace) -> int:
    """What a reload would do. Raises ConfigError for a configuration that would be refused."""
    config = _load(options)
    from calico_agent.cli.config_diff import preview  # noqa: PLC0415

    return _tell(preview(config, options.config, options.socket))


def told_by(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """A command that another module carries out, which is imported when it runs."""

    def command(options: argparse.Namespace) -> int:
        from importlib import import_module  # noqa: PLC0415

        return _tell(getattr(import_module(f"calico_agent.cli.{module}"), name)(options))

    return command


def _tell(told: "Told") -> int:
    print(told.aside, end="", file=sys.stderr)
    terminal.show(told.text)
    return told.exit_code
