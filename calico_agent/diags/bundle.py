"""One tar.gz of text files, with a list of what is in it and of what is not, and why. Bounded in size."""

import io
import json
import tarfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from calico_agent.diags.scrub import scrubbed_json, scrubbed_text
from calico_agent.text import counted

MOST_BYTES = 20 << 20
"""Of the whole bundle, compressed."""

MOST_OF_A_FILE = 16 << 20
# For the list, and for what the compression has not written yet.
_SPARE = 256 << 10
_CUT = "\n... cut here: what follows is larger than the bundle may be\n"


@dataclass(frozen=True, slots=True)
class BundlePart:
    """One file of the bundle as it was read, or why it was not: text, or a JSON document, or one a line.

    `secrets` are entries of environments (`NAME=value`) that were read with it: what is secret of these is hidden
    wherever it stands.
    """

    name: str
    text: str = ""
    trouble: str = ""
    document: object = None
    lines: Sequence[object] | None = None
    secrets: Sequence[str] = ()

    def scrubbed(self, known: Iterable[str]) -> str:
        """Its content without secrets."""
        if self.lines is not None:
            return "".join(f"{_json(scrubbed_json(line, known))}\n" for line in self.lines)
        if self.document is not None:
            return json.dumps(scrubbed_json(self.document, known), indent=1, ensure_ascii=False) + "\n"
        return scrubbed_text(self.text, known)


def as_document(part: BundlePart) -> BundlePart:
    """JSON as such, so that it stays JSON whatever is hidden in it."""
    if part.name.endswith(".json") and not part.trouble:
        with suppress(ValueError):
            return BundlePart(part.name, document=json.loads(part.text))
    return part


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class Bundle:
    """Takes parts one after the other. `folder` is that in which they lie."""

    def __init__(self, folder: str, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w:gz", compresslevel=6)  # noqa: SIM115 - until `finish`
        self._at = time.time()
        self._list: list[tuple[str, str]] = []
        self.files = self.missing = 0

    def add(self, part: BundlePart, known: Iterable[str]) -> None:
        """Take it, if there is room for it; `known` are secrets of this host."""
        if part.trouble:
            self._leave_out(part.name, scrubbed_text(part.trouble, known))
        content = part.scrubbed(known).encode(errors="backslashreplace")
        if not content and part.trouble:
            return
        room = self._most - self._buffer.tell() - _SPARE
        if len(content) > MOST_OF_A_FILE:
            content = content[: MOST_OF_A_FILE - len(_CUT)] + _CUT.encode()
            self._leave_out(part.name, f"it is larger than {MOST_OF_A_FILE >> 20} MiB, and cut")
        if len(content) > room and not self._fits(content, room):
            self._leave_out(part.name, "there is no room left for it")
            return
        self._put(part.name, content)
        self.files += 1
        self._list.append((part.name, counted(len(content), "byte")))

    def finish(self, head: str) -> bytes:
        """The whole bundle; `head` begins its list."""
        width = max((len(name) for name, _ in self._list), default=0)
        rows = "".join(f"{name:<{width}}  {said}\n" for name, said in self._list)
        self._put("README.txt", f"{head}\n{rows}".encode())
        self._tar.close()
        return self._buffer.getvalue()

    def _fits(self, content: bytes, room: int) -> bool:
        """Whether it is small enough once it is compressed."""
        trial = io.BytesIO()
        with tarfile.open(fileobj=trial, mode="w:gz", compresslevel=6) as tar:
            tar.addfile(self._header("x", content), io.BytesIO(content))
        return trial.tell() <= room

    def _leave_out(self, name: str, why: str) -> None:
        self.missing += 1
        self._list.append((name, f"MISSING: {why}"))

    def _put(self, name: str, content: bytes) -> None:
        self._tar.addfile(self._header(name, content), io.BytesIO(content))

    def _header(self, name: str, content: bytes) -> tarfile.TarInfo:
        header = tarfile.TarInfo(f"{self._folder}/{name}")
        header.size, header.mtime, header.mode = len(content), int(self._at), 0o600
        return header
