"""`calico-agent config diff`: what a reload would do, asked of the running agent and of the host."""

import os
from pathlib import Path

from calico_agent.cli import client
from calico_agent.cli.told import Told
from calico_agent.config import Config
from calico_agent.config.show import told_config
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, ConfigError, NotRunningError
from calico_agent.report.pages.config_diff import changed_keys, container_effect
from calico_agent.runtime import oneshot as once
from calico_agent.secret import HIDDEN


def preview(config: Config, file: Path | None, socket_path: str | None) -> Told:
    """`config` is that of `file`; None is the agent's own file, and then it counts what the agent says of it, which
    knows its variables and flags. `socket_path` None is the usual one.

    Exit code 0 when nothing would change. Raises ConfigError for a configuration that the agent would refuse.
    """
    effects = [container_effect(once.outlook_now(config), config.mode, config.supervise_settings())]
    aside = ""
    try:
        told = client.configurations(socket_path or client.find_socket(file, os.environ))
    except NotRunningError as error:
        aside = f"calico-agent: only the container is compared: {error}\n"
    else:
        if told.refused and file is None:
            raise ConfigError(*told.refused)
        found = told.on_disk if file is None else told_config(config)
        unseen = [] if file is None else [key for key, text in found.items() if HIDDEN in text]
        aside = f"calico-agent: not compared, as they are not shown: {', '.join(unseen)}\n" if unseen else ""
        effects.insert(0, changed_keys(told.used, found))
    text = "".join(f"{line}\n" for effect in effects for line in effect.lines)
    return Told(text, aside, EXIT_WRONG if any(effect.changes for effect in effects) else EXIT_GOOD)
