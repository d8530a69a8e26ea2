"""The CNI configurations and plugins that the container runtime of this host goes by."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class CniFile:
    """One configuration file. `plugins` are the types of its plugins in their order, `needed` with those of their IPAM.

    `error` says why the runtime, or only the agent (`hidden`), cannot read it. `hands_on`: it holds a plugin that calls
    what the other files configure (Multus). `version` is its cniVersion.
    """

    path: str
    plugins: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    version: str = ""
    hands_on: bool = False
    error: str = ""
    hidden: bool = False

    @property
    def calico(self) -> bool:
        return "calico" in self.plugins


class PluginState(Enum):
    """What became of asking a plugin for its version."""

    RUNS = "runs"
    MISSING = "missing"
    NOT_EXECUTABLE = "not executable"
    FAILS = "fails"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class CniPluginFile:
    """One plugin's program. `path` is empty where no folder has it; `detail` says what is wrong, or kept us from it.

    `versions` are those of the CNI specification that it speaks.
    """

    name: str
    path: str = ""
    state: PluginState = PluginState.MISSING
    detail: str = ""
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CniSetup:
    """`files` are in the order in which the runtime reads them, those of `folder`; `source` says who names the folders.

    `plugins` are the programs that the first file of Calico's needs. `strict`: the runtime stops at a file that it
    cannot read, as containerd does; the others pass over it. `error` says why the folder cannot be read, or found.
    """

    folder: str = "/etc/cni/net.d"
    source: str = "by default"
    program_folders: tuple[str, ...] = ()
    files: tuple[CniFile, ...] = ()
    plugins: tuple[CniPluginFile, ...] = ()
    strict: bool = False
    error: str = ""

    @property
    def taken(self) -> CniFile | None:
        """The file that the runtime goes by, behind those that only hand on; None where there is none."""
        read = (one for one in self.files if self.strict or one.hidden or not one.error)
        return next((one for one in read if not one.hands_on), None)

    @property
    def calico(self) -> CniFile | None:
        """The first file that names Calico's plugin."""
        return next((one for one in self.files if one.calico), None)
