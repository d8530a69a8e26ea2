"""sources/docker/decode/felix_health.py against a recorded answer of Felix, and against what is none."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.felix_health import FelixComponent, FelixHealth
from calico_agent.sources.docker.decode.felix_health import decode_health, decode_listeners
from tests.places import DATA

RECORDED = DATA / "calico-v3.32.1/felix-hung/host2/felix-health.txt"
LOOP = FelixComponent("InternalDataplaneMainLoop", "1m30s", "timed out")
ROW = "| {} | {} | {} | reporting non-ready | waits |"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        pytest.param(503, RECORDED.read_text(), FelixHealth(live=False, hung=(LOOP,)), id="a recorded one that hangs"),
        pytest.param(
            200, ROW.format("FelixStartup", "-", "reporting live"), FelixHealth(live=True), id="live, and not ready"
        ),
        pytest.param(204, "", FelixHealth(live=True), id="live, without a word"),
        pytest.param(503, "", FelixHealth(live=False), id="not live, without a word: before v3.22"),
        pytest.param(
            503,
            ROW.format("CalculationGraph", "-", "reporting non-live").replace("|", "\u2502"),
            FelixHealth(live=False, hung=(FelixComponent("CalculationGraph", "", "reporting non-live"),)),
            id="a table with other edges",
        ),
        pytest.param(
            503,
            "\n".join((ROW.format("A", "30s (override)", "timed out"), ROW.format("", "", ""))),
            FelixHealth(live=False, hung=(FelixComponent("A", "30s (override)", "timed out"),)),
            id="a long cell goes on in a row of its own",
        ),
        pytest.param(404, "404 page not found", None, id="the port for Prometheus"),
        pytest.param(302, "", None, id="somebody else"),
    ],
)
def test_what_felix_says(status: int, body: str, said: FelixHealth | None) -> None:
    assert decode_health(status, body) == said


@given(status=st.sampled_from([200, 204, 503]), body=st.text())
def test_any_body_is_understood(status: int, body: str) -> None:
    said = decode_health(status, body)
    assert said is not None
    assert said.live is (status != 503)


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0 {} 1 0000000000000000 100 0 0 10 0\n"


def line(local: str, state: str, inode: int) -> str:
    return f"   0: {local} 00000000:0000 {state} {REST.format(inode)}"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param((), [], id="nobody listens"),
        pytest.param((line("0100007F:238B", "0A", 7),), [("127.0.0.1", 9099)], id="on localhost"),
        pytest.param((line("0100007F:238B", "0A", 8),), [], id="another process"),
        pytest.param((line("00000000:2383", "0A", 7),), [("0.0.0.0", 9091)], id="everywhere"),
        pytest.param((line("00000000000000000000000001000000:238B", "0A", 7),), [("::1", 9099)], id="IPv6"),
        pytest.param(
            (line("0100007F:238B", "0A", 7), line("0B004D0A:8C3C", "01", 8), line("0100007F:0001", "0A", 7)),
            [("127.0.0.1", 9099)],
            id="those that listen stand first",
        ),
    ],
)
def test_where_a_process_listens(lines: tuple[str, ...], found: list[tuple[str, int]]) -> None:
    expected = [(ip_address(address), port) for address, port in found]
    assert list(decode_listeners((HEAD, *lines), frozenset({"7"}))) == expected
