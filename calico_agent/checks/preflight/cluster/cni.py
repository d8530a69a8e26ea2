"""Whether the container runtime takes Calico's CNI configuration, and whether the plugins that it names run."""

import re
from collections.abc import Iterator

from calico_agent.checks.preflight.cluster.kubernetes import install_cni, kubernetes_of
from calico_agent.expected.view import View
from calico_agent.faults.preflight.cluster import HOST_CNI, HOST_CNI_PLUGIN
from calico_agent.model.host.cni import CniFile, CniPluginFile, CniSetup, PluginState
from calico_agent.model.preflight import Check, Verdict

_OF_CALICO = re.compile(r"\d+-(calico|canal)\.[a-z]+")
_USUAL = "10-calico.conflist"
_WHY = "the runtime calls the plugins of the first file in its folder, by name: pods get no network of Calico's"
_WHY_PLUGIN = "no pod starts on this host while one of these plugins does not run"
# What install-cni writes: those of Calico, and those of others that its image holds.
_WITH_CALICO = frozenset(
    ("calico", "calico-ipam", "bandwidth", "flannel", "host-local", "loopback", "portmap", "tuning")
)


def check_cni(view: View) -> Iterator[Check]:
    """Yield a line for the configuration, and one or more for the plugins where that is Calico's."""
    found = kubernetes_of(view, HOST_CNI, "CNI configuration")
    if isinstance(found, Check):
        yield found
        return
    if view.local.backend == "none":
        what = "CNI configuration: with CALICO_NETWORKING_BACKEND=none pods get their network from another plugin"
        yield Check(HOST_CNI, Verdict.NOT_APPLICABLE, what)
        return
    yield _configuration(view, found.cni)
    if found.cni.calico is not None:
        yield from _plugins(view, found.cni, found.cni.calico)


def _configuration(view: View, cni: CniSetup) -> Check:
    if cni.error:
        return Check(HOST_CNI, Verdict.UNKNOWN, f"CNI configuration: {cni.error}", _WHY)
    taken, calico = cni.taken, cni.calico
    if taken is None:
        what = f"{cni.folder} ({cni.source}) has no CNI configuration that the runtime can take"
        return Check(HOST_CNI, Verdict.FAILURE, what, _WHY, install_cni(view))
    if taken.hidden:
        return Check(HOST_CNI, Verdict.UNKNOWN, f"{taken.path}: {taken.error}", _WHY, f"ls -l {taken.path}")
    if taken.error:
        what = f"the runtime stops at {taken.path}, which is no CNI configuration: {taken.error}"
        cure = install_cni(view) if _OF_CALICO.fullmatch(_name(taken)) else _aside(taken)
        return Check(HOST_CNI, Verdict.FAILURE, what, _WHY, cure)
    if taken.calico:
        return Check(HOST_CNI, Verdict.OK, f"the runtime takes {taken.path}, which names calico ({cni.source})")
    named = ", ".join(taken.plugins)
    if calico is None:
        what = f"the runtime takes {taken.path} with {named}, and no file in {cni.folder} names calico"
        cure = install_cni(view)
        return Check(
            HOST_CNI, Verdict.FAILURE, what, _WHY, cure if _name(taken) > _USUAL else f"{_aside(taken)} && {cure}"
        )
    what = f"the runtime takes {taken.path} with {named}, because its name comes before {calico.path}"
    return Check(HOST_CNI, Verdict.FAILURE, what, _WHY, _aside(taken))


def _name(file: CniFile) -> str:
    return file.path.rpartition("/")[2]


def _aside(file: CniFile) -> str:
    return f"mv {file.path} {file.path}.disabled"


def _plugins(view: View, cni: CniSetup, calico: CniFile) -> Iterator[Check]:
    """One line for all that are well, and one for each other."""
    wrong = [check for plugin in cni.plugins if (check := _wrong(view, cni, calico, plugin)) is not None]
    told = {check.subject for check in wrong}
    well = [plugin.name for plugin in cni.plugins if plugin.name not in told]
    if well:
        yield Check(HOST_CNI_PLUGIN, Verdict.OK, f"{', '.join(well)} run ({', '.join(cni.program_folders)})")
    yield from wrong


def _wrong(view: View, cni: CniSetup, calico: CniFile, plugin: CniPluginFile) -> Check | None:
    if plugin.state is PluginState.MISSING:
        what = f"{plugin.name}, which {calico.path} needs, is not in {', '.join(cni.program_folders)}"
        cure = f"ls -l {' '.join(cni.program_folders)}; {plugin.name} comes with what wrote its name into {calico.path}"
        cure = install_cni(view) if plugin.name in _WITH_CALICO else cure
        return Check(HOST_CNI_PLUGIN, Verdict.FAILURE, what, _WHY_PLUGIN, cure, plugin.name)
    if plugin.state is PluginState.NOT_EXECUTABLE:
        what = f"{plugin.path} is not executable"
        return Check(HOST_CNI_PLUGIN, Verdict.FAILURE, what, _WHY_PLUGIN, f"chmod 0755 {plugin.path}", plugin.name)
    if plugin.state is PluginState.FAILS:
        shown = f"CNI_COMMAND=VERSION {plugin.path} </dev/null"
        cure = f"{shown}; {install_cni(view)}" if plugin.name in _WITH_CALICO else f"{shown}  # then install it again"
        return Check(
            HOST_CNI_PLUGIN,
            Verdict.FAILURE,
            f"{plugin.path} does not run: {plugin.detail}",
            _WHY_PLUGIN,
            cure,
            plugin.name,
        )
    if plugin.state is PluginState.NOT_TRIED:
        what = f"{plugin.path}: {plugin.detail}"
        return Check(HOST_CNI_PLUGIN, Verdict.UNKNOWN, what, _WHY_PLUGIN, f"ls -l {plugin.path}", plugin.name)
    if plugin.name in calico.plugins and calico.version and plugin.versions and calico.version not in plugin.versions:
        what = (
            f"{plugin.path} does not speak version {calico.version} of CNI, which {calico.path} asks for; it speaks "
            f"{', '.join(plugin.versions)}"
        )
        cure = f"install a newer {plugin.name}, or write a cniVersion in {calico.path} that all its plugins speak"
        return Check(HOST_CNI_PLUGIN, Verdict.FAILURE, what, _WHY_PLUGIN, cure, plugin.name)
    return None
