"""Whether calico/node still has the certificates of before.

A file that is mounted by itself stays the file of the container's start: a tool that renews it by renaming another one
into its place (certbot, Ansible, vault-agent) changes the folder, and not what is mounted (mount(2): a bind mount is of
the inode). When the container is started again, its mounts are made anew.
"""

from pathlib import Path

from calico_agent.model.container.container import Container
from calico_agent.small_file import read_small

_VARIABLES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
_LARGEST = 1 << 20
_PROC = Path("/proc")


def outdated_files(container: Container) -> tuple[str, ...]:
    """The files of this host that prove who calico/node is, and of which its container holds another content."""
    mounted = {mount.destination: mount.source for mount in container.mounts}
    inside = (container.env_value(variable) for variable in _VARIABLES)
    files = [(mounted[path], path) for path in inside if path in mounted]
    root = _PROC / str(container.pid) / "root"
    return tuple(source for source, path in files if _differ(Path(source), root / path.lstrip("/")))


def _differ(here: Path, there: Path) -> bool:
    """Whether both can be read, and are not the same; most are one file, and are not read."""
    try:
        return not here.samefile(there) and read_small(here, _LARGEST) != read_small(there, _LARGEST)
    except OSError:
        return False
