"""One command in a guest, as a directory that the guest and its machine both see: command, out, err, pid, code."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Sink = Callable[[bytes], object]


@dataclass(slots=True)
class Call:
    """A command; `sinks` take what it writes to its output and to its errors."""

    directory: Path
    sinks: tuple[Sink, Sink]
    _taken: dict[Path, int] = field(default_factory=dict)

    def write(self, argv: tuple[str, ...], environment: Mapping[str, str], cwd: str) -> None:
        """Write down what is to run: that program, with exactly that environment, in that directory if it exists."""
        settings = [f"{name}={value}" for name, value in environment.items()]
        words = shlex.join(("env", "-i", *settings, *argv))
        script = f"cd {shlex.quote(cwd)} 2>/dev/null || cd /\nexec {words}\n"
        (self.directory / "command").write_bytes(script.encode(errors="surrogateescape"))

    def code(self) -> int | None:
        """The exit code; None while it runs."""
        text = _from(self.directory / "code", 0)
        return int(text) if text.endswith(b"\n") else None

    def relay(self) -> None:
        """Hand on what it has written since the last time."""
        for name, sink in zip(("out", "err"), self.sinks, strict=True):
            file = self.directory / name
            if data := _from(file, self._taken.get(file, 0)):
                sink(data)
                self._taken[file] = self._taken.get(file, 0) + len(data)


def _from(file: Path, offset: int) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read()
    except FileNotFoundError:
        return b""
