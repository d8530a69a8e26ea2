"""Which links BIRD wrongly takes for down, by its own list of links."""

import pytest

from calico_agent.sources.bird.decode.interfaces import LINKS_COMMAND, links_missed
from calico_agent.sources.bird.decode.reply_lines import reply_lines

UP = """\
1001-lo up (index=1)
1004-	MultiAccess AdminUp LinkUp Loopback Ignored MTU=65536
1003-	127.0.0.1/8 (Primary, scope host)
1001-eth0 up (index=2)
1004-	MultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500
1003-	10.77.0.100/24 (Primary, scope site)
\x20\t10.77.0.12/24 (Secondary, scope site)
1001-docker0 up (index=3)
1004-	MultiAccess Broadcast Multicast AdminUp LinkDown MTU=1500
1003-	172.17.0.1/16 (Primary, scope site)
1001-calipod2-a DOWN (index=4)
1004-	MultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500
0000\x20
"""
PROMOTED = """\
1001-eth0 DOWN (index=2)
1004-	MultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500
1003-	10.77.0.12/24 (Secondary, scope site)
1001-eth1 DOWN (index=3)
1004-	MultiAccess Broadcast Multicast AdminDown LinkDown MTU=1500
1003-	10.78.0.12/24 (Secondary, scope site)
1001-eth2 DOWN (index=4)
1004-	MultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500
1003-	fe80::1/64 (Unselected, scope link)
0000\x20
"""


@pytest.mark.parametrize(
    ("reply", "missed"),
    [
        pytest.param(UP, [], id="a pod's link has no address and is rightly down"),
        pytest.param(
            PROMOTED, ["eth0"], id="an address that became the first one, a link that is off, link-local only"
        ),
        pytest.param(PROMOTED.replace("DOWN (", "up ("), [], id="all up"),
        pytest.param("0000 \n", [], id="no link at all"),
    ],
)
def test_links_that_bird_takes_for_down_and_that_are_not(reply: str, missed: list[str]) -> None:
    assert list(links_missed(reply_lines(LINKS_COMMAND, {LINKS_COMMAND: reply}))) == missed
