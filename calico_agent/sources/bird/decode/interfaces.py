"""BIRD's `show interfaces` -> the links that BIRD wrongly takes for down.

For BIRD a link is up when it is switched on and has a primary address (`if_recalc_flags`, nest/iface.c of BIRD 1.6.8).
A secondary address becomes the first of its subnet when the one before it goes, as floating addresses do
(net.ipv4.conf.*.promote_secondaries, which systemd sets). The kernel tells of that, and BIRD misses it: `ifa_update`
takes an address for unchanged whose flag alone differs. A link with such addresses only is down for BIRD, until BIRD
starts anew, and what leads to its networks goes by the default route.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_interface

from calico_agent.sources.bird.decode.reply_lines import ReplyLine

LINKS_COMMAND = "show interfaces"
_NAME, _ADDRESS, _FLAGS = 1001, 1003, 1004
_NAME_ROW = re.compile(r"(?P<name>\S+) (?P<state>up|DOWN) .*")


def links_missed(lines: list[ReplyLine]) -> Iterator[str]:
    """The names of links that are switched on, have carrier and an address, and are down for BIRD.

    Raises ValueError on an address that is none. A pod's link has no address and is rightly down.
    """
    name = ""
    for line in lines:
        words = line.text.split()
        if line.code == _NAME:
            row = _NAME_ROW.fullmatch(line.text)
            name = row["name"] if row and row["state"] == "DOWN" else ""
        elif line.code == _FLAGS and not {"AdminUp", "LinkUp"} <= set(words):
            name = ""
        elif line.code == _ADDRESS and name and words and not ip_interface(words[0]).is_link_local:
            yield name
            name = ""
