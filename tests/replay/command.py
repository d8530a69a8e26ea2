"""The command line of the replay."""

import argparse
import json
from pathlib import Path

import tests.replay
from calico_agent.config import Config, load
from calico_agent.errors import ConfigError
from calico_agent.report.as_json import render_json
from calico_agent.report.as_text import render_status
from tests.replay.judge import report_capture


def main(arguments: list[str] | None = None) -> int:
    """The command; `arguments` are those of the command line by default."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.replay", description=(tests.replay.__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("capture", type=Path, help="directory with the datastore and one directory for each host")
    parser.add_argument("host", help="name of a host's directory in it")
    parser.add_argument("--config", type=Path, help="judge as an agent with this configuration file would")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    chosen = parser.parse_args(arguments)
    if not (chosen.capture / chosen.host).is_dir():
        parser.error(f"{chosen.capture} has no directory {chosen.host}")
    try:
        config = load(chosen.config, {}) if chosen.config else Config()
    except ConfigError as error:
        parser.error(str(error))
    report = report_capture(chosen.capture, chosen.host, config)
    print(json.dumps(render_json(report), indent=2) if chosen.json else render_status(report, report.at))
    return 0 if report.healthy else 1
