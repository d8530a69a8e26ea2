"""Who gets gzip."""

import gzip

import pytest

from calico_agent.api.compression import compressed, wants_gzip


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip", True),
        ("GZIP", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.5", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzipped", False),
        (";;;,,q=", False),
    ],
)
def test_who_asks_for_gzip(accepted: str, wanted: bool) -> None:
    assert wants_gzip(accepted) is wanted


def test_what_is_short_stays_as_it_is() -> None:
    assert compressed(b"x" * 100, "gzip") is None
    assert compressed(b"x" * 5000, "") is None
    small = compressed(b"x" * 5000, "gzip")
    assert small is not None
    assert len(small) < 100
    assert gzip.decompress(small) == b"x" * 5000
