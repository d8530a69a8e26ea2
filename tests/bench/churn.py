"""`python -m tests.bench.churn SECONDS RATE`: route changes in this namespace; prints how many it made.

Half of them add and half delete routes inside 11.0.0.0/8, which is nobody's. A process of its own, so that it takes no
time from who measures.
"""

import sys
import time
from ipaddress import IPv4Address, IPv4Network

from tests.bench.route_writer import write_routes

_LINK = 2
_GATEWAY = IPv4Address("10.64.0.2")
_TICK = 0.05


def main(seconds: float, rate: int) -> int:
    """The number of changes made, at most `rate` for each second."""
    each = round(rate * _TICK / 2)
    first = int(IPv4Address("11.0.0.0"))
    routes = [(IPv4Network((first + number * 16, 28)), _GATEWAY) for number in range(each)]
    begun, made = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        if made >= passed * rate:
            time.sleep(_TICK / 5)
            continue
        write_routes(routes, _LINK)
        write_routes(routes, _LINK, delete=True)
        made += 2 * each
    return made


if __name__ == "__main__":
    print(main(float(sys.argv[1]), int(sys.argv[2])))
