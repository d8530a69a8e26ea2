"""Whether file descriptors are left: to this process (RLIMIT_NOFILE), and to this host (fs.file-max)."""

import errno
import os

SHORT = frozenset({errno.EMFILE, errno.ENFILE})
"""What an OSError says that is about us, and not about what was to be opened."""


def can_open(count: int) -> bool:
    """Whether that many files or sockets could be opened now, at the same time."""
    opened: list[int] = []
    try:
        opened.extend(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(count))
    except OSError as error:
        return error.errno not in SHORT
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True
