"""`calico-agent import`: the configuration that gives the container which somebody else runs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from calico_agent.adopt.as_text import render_differences
from calico_agent.adopt.as_toml import render_toml
from calico_agent.adopt.described import Described, NotTakenOver, Translation
from calico_agent.adopt.outlook import render_outlook
from calico_agent.adopt.translate import config_of, translate
from calico_agent.cli import named_files
from calico_agent.cli.new_files import NewFile, write_new
from calico_agent.cli.told import Told
from calico_agent.config.schema import DockerSection
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, UsageError
from calico_agent.report.pages.config_diff import objections
from calico_agent.runtime.oneshot import outlook_now

# Owner and group, as the annotated file is installed: it may hold what is secret.
_MODE = 0o640


def import_container(options: argparse.Namespace, docker: Callable[[], DockerSection], width: int) -> Told:
    """Exit code 0 when nothing is lost. Raises UsageError for what cannot be read, with the place and the reason.

    `options` are those of the command line; `docker` is asked for only where it is needed.
    """
    if options.check and options.output is not None:
        raise UsageError("--check writes nothing: leave one of --check and --output out")
    if options.output == Path("-"):
        raise UsageError("without --output the configuration goes to standard output")
    try:
        described = _described(options, docker)
        translation = translate(described)
    except NotTakenOver as refusal:
        raise UsageError(str(refusal)) from None
    output: Path | None = options.output
    differences = render_differences(translation, described, width, with_secrets=output is not None)
    if options.check:
        return _checked(translation, differences)
    code = EXIT_GOOD if translation.lossless else EXIT_WRONG
    toml = render_toml(translation, described.origin, with_secrets=output is not None)
    if output is None:
        return Told(toml, differences, code)
    (written,) = write_new([NewFile(output, toml.encode(), _MODE)])
    return Told("", f"{differences}{written}\n", code)


def _described(options: argparse.Namespace, docker: Callable[[], DockerSection]) -> Described:
    if options.unit is not None:
        return named_files.read_unit(options.unit)
    if options.kubespray is not None:
        return named_files.read_kubespray(options.kubespray)
    if options.container is None:
        return named_files.read_command(options.run)
    engine = docker()
    return named_files.read_container(options.container, engine.url, engine.timeout_seconds)


def _checked(translation: Translation, differences: str) -> Told:
    if translation.fill_in:
        later = "what would happen on this host can be told when that is filled in: calico-agent run --dry-run\n"
        return Told(differences + later, "", EXIT_WRONG)
    outlook = outlook_now(config_of(translation.settings))
    text = differences + render_outlook(translation, outlook)
    good = translation.lossless and not outlook.unreadable and not any(objections(outlook.wanted))
    return Told(text, "", EXIT_GOOD if good else EXIT_WRONG)
