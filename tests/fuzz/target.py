"""What a target is, and the forms in which bytes reach the decoders."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.places import REPOSITORY

Take = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """`take` may raise `refuses`. `seeds` are inputs, or patterns of files below the repository that hold one each."""

    take: Take
    refuses: tuple[type[Exception], ...] = ()
    seeds: tuple[str | bytes, ...] = ()

    def examples(self) -> Iterator[bytes]:
        """What coverage is to be found from."""
        for seed in self.seeds:
            if isinstance(seed, bytes):
                yield seed
            else:
                yield from (path.read_bytes() for path in sorted(REPOSITORY.glob(seed)))


def one(target: Target, data: bytes) -> None:
    """Feed a target with one input."""
    with suppress(*target.refuses):
        target.take(data)


def of_text(take: Callable[[str], object]) -> Take:
    """Take it as text."""
    return lambda data: take(data.decode(errors="replace"))


def of_objects(take: Callable[..., object]) -> Take:
    """What Docker's library makes of an answer: objects of JSON's types."""

    def taken(data: bytes) -> object:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            return None
        objects = found if isinstance(found, list) else [found]
        return [take(each) for each in objects if isinstance(each, dict)]

    return taken


def of_record(decode: Callable[[str, bytes], object]) -> Take:
    """A record: its key, a line end, its value."""

    def taken(data: bytes) -> object:
        key, _, value = data.partition(b"\n")
        return decode(key.decode(errors="replace"), value)

    return taken


def of_datagrams(decode: Callable[[list[bytes]], object]) -> Take:
    """The datagrams of a dump, each behind its length in two bytes."""

    def taken(data: bytes) -> object:
        datagrams = []
        while len(data) > 2:
            size = int.from_bytes(data[:2], "big")
            datagrams.append(data[2 : 2 + size])
            data = data[2 + size :]
        found = decode(datagrams)
        return list(found) if isinstance(found, Iterable) else found

    return taken


def in_datagrams(datagrams: Iterable[bytes]) -> bytes:
    """The bytes that `of_datagrams` takes apart."""
    return b"".join(len(one).to_bytes(2, "big") + one for one in datagrams if len(one) < 1 << 16)
