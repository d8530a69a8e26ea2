"""Mount tables as kernels print them."""

from contextlib import suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.decode.mounts import MountPoint, decode_mounts, mount_of

TABLE = """\
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro
31 22 8:3 / /var/lib/docker rw,noatime shared:7 master:2 - xfs /dev/sda3 rw,attr2
35 22 0:41 /@log /var/log\\040of\\040calico rw - btrfs /dev/sdb rw,subvol=/@log
36 22 8:2 /srv /srv ro,relatime shared:1 - ext4 /dev/sda2 rw
37 22 8:9 / /data rw - ext4 /dev/sdc1 ro,errors=remount-ro
38 31 0:50 / /var/lib/docker rw - tmpfs tmpfs rw,size=1024k
"""


def test_a_table_with_everything_that_lines_may_have() -> None:
    assert decode_mounts(TABLE)[:3] == (
        MountPoint("/", "8:2", "ext4", read_only=False),
        MountPoint("/var/lib/docker", "8:3", "xfs", read_only=False),
        MountPoint("/var/log of calico", "0:41", "btrfs", read_only=False),
    )


@pytest.mark.parametrize(
    ("path", "device", "read_only"),
    [
        pytest.param("/var/lib/calico", "8:2", False, id="on the root file system"),
        pytest.param("/var/lib/docker/overlay2", "0:50", False, id="the mount that covers another one at its place"),
        pytest.param("/var/lib/docker2", "8:2", False, id="a name that only begins as a mount point"),
        pytest.param("/srv/x", "8:2", True, id="a mount that is read-only, of a file system that is not"),
        pytest.param("/data", "8:9", True, id="a file system that the kernel made read-only after errors"),
    ],
)
def test_the_mount_of_a_path(path: str, device: str, read_only: bool) -> None:
    found = mount_of(PurePosixPath(path), decode_mounts(TABLE))
    assert found is not None
    assert (found.device, found.read_only) == (device, read_only)


def test_a_path_on_no_mount_that_is_seen() -> None:
    assert mount_of(PurePosixPath("/var"), ()) is None


@given(st.text(max_size=200))
def test_junk_is_malformed_and_nothing_else(junk: str) -> None:
    with suppress(Malformed):
        decode_mounts(junk)
