"""The log of a pod's container."""

from datetime import UTC, datetime

from calico_agent.sources.cri.decode.pod_log import decode_pod_log
from calico_agent.sources.docker.decode.log_lines import telling_line

LOG = """\
eginning was cut
2026-11-26T22:00:01.000000001Z stdout F [INFO][9] startup/startup.go 426: Early log level set to info
2026-11-26T22:00:02.5Z stderr P Calico node 'host3' is already using
2026-11-26T22:00:02.5Z stderr F  the IPv4 address 172.17.0.1.
2026-11-26T22:00:03+00:00 stdout F token=abcdefgh
"""


def test_lines_have_their_times_and_no_secrets() -> None:
    lines = decode_pod_log(LOG)
    assert [line.at for line in lines if line.at is not None][1] == datetime(2026, 11, 26, 22, 0, 2, 500000, tzinfo=UTC)
    assert lines[1].text == "Calico node 'host3' is already using the IPv4 address 172.17.0.1."
    assert "abcdefgh" not in lines[2].text
    hint = telling_line(tuple(line.text for line in lines))
    assert hint is not None
    assert hint.code == "address-conflict"
