"""What is said of recorded hosts whose routes or tunnels were spoiled: the cause, and what to type where."""

import pytest

from tests.places import DATA
from tests.replay import assess_capture


@pytest.mark.parametrize(
    ("recorded", "texts"),
    [
        pytest.param(
            "calico-v3.32.1/foreign-route-same-prefix/host1",
            (
                "another route with a better metric hides the one to 192.168.239.192/26, pods of node host2",
                "BIRD learns it and advertises it, so that other nodes send there too",
                "ip route del 192.168.239.192/26 via 10.77.0.1 dev eth0 proto boot on this host",
            ),
            id="the host with the foreign route, which all others take over",
        ),
        pytest.param(
            "calico-v3.32.1/foreign-route-same-prefix/host3",
            (
                "the route to 192.168.239.192/26, pods of node host2, leads to another host: host1 advertises it too",
                "on host1: ip route del 192.168.239.192/26 via 10.77.0.1",
            ),
            id="another host, whose only route is the foreign one, names the first",
        ),
        pytest.param(
            "calico-v2.3/ipip-module-missing/host1",
            ("tunl0, this host's end of the IPIP tunnels, does not exist", "modprobe ipip on this host"),
            id="a kernel without IPIP",
        ),
        pytest.param(
            "calico-v2.3/ipip-mode-changed-while-stopped/host1",
            (
                "leaves through tunl0 instead of a device of the host",
                "ip route del 10.20.183.64/26 via 10.77.0.12 dev tunl0 onlink proto bird on this host; BIRD writes",
            ),
            id="BIRD that keeps the device of before",
        ),
    ],
)
def test_the_first_problem_says_what_and_what_to_type(recorded: str, texts: tuple[str, ...]) -> None:
    path = DATA / recorded
    cause = assess_capture(path.parent, path.name).problems[0].cause
    said = f"{cause.what}\n{cause.why}\n{cause.effect}\n{cause.cure}"
    assert [text for text in texts if text not in said] == []
