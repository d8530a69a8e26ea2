"""A path as a process with another root directory means it (/proc/PID/root), with the links on its way."""

from pathlib import Path, PurePosixPath

_MOST_LINKS = 40  # as the kernel has it (path_resolution(7))


def rooted(root: Path, path: PurePosixPath) -> Path:
    """Where it is for us. A link to an absolute path begins at `root` again, and nothing leads out of it.

    What cannot be followed is given back as far as it leads: opening it says why.
    """
    if root == Path("/"):
        return Path(path)
    waiting = [part for part in reversed(path.parts) if part != "/"]
    found: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            del found[-1:]
            continue
        here = root.joinpath(*found, part)
        if not here.is_symlink() or links == _MOST_LINKS:
            found.append(part)
            continue
        links += 1
        target = PurePosixPath(here.readlink())
        if target.is_absolute():
            found.clear()
        waiting.extend(part for part in reversed(target.parts) if part != "/")
    return root.joinpath(*found)
