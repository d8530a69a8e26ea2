"""Who gets gzip, and who gets OpenMetrics."""

import gzip

import pytest

from calico_agent.api.negotiation import compressed, wants_gzip, wants_open_metrics


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


# What Prometheus 2.42 and 3 send.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;version=1.0.0;q=0", False),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.8", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text;version=1.0.0;q=nan", False),
        ("application/openmetrics-text;q=1e9;q=", False),
    ],
)
def test_who_asks_for_open_metrics(accepted: str, wanted: bool) -> None:
    assert wants_open_metrics(accepted) is wanted


def test_what_is_short_stays_as_it_is() -> None:
    assert compressed(b"x" * 100, "gzip") is None
    assert compressed(b"x" * 5000, "") is None
    small = compressed(b"x" * 5000, "gzip")
    assert small is not None
    assert len(small) < 100
    assert gzip.decompress(small) == b"x" * 5000
