"""The configuration: what can be said (`schema`, `values`), where it is said (`loading`), how it is shown
(`show`), what the files are that it names (`files`), what became of it
on disk (`on_disk`).

It is read once, checked whole, and ends here: stages get the plain values of `model.settings`.
"""

from calico_agent.config.loading import check, load
from calico_agent.config.on_disk import ConfigOnDisk
from calico_agent.config.schema import Config

__all__ = ["Config", "ConfigOnDisk", "check", "load"]
