"""Which docker commands last as long as a container."""

import pytest

from calico_agent.sources.docker.decode.waiting_commands import waits_for

ID = "4dd578aa4555" + "0" * 52

CASES = {
    "a unit of 2017": ("docker run --net=host --privileged --name=calico-node calico/node:v1.3.0", True),
    "the name in a word of its own": ("/usr/bin/docker run --rm --name calico-node calico/node", True),
    "with the Engine's address": ("docker -H unix:///run/docker.sock run --name=calico-node calico/node", True),
    "a start that waits": ("docker start -a calico-node", True),
    "by id": ("docker wait 4dd578aa4555", True),
    "detached": ("docker run -d --name=calico-node calico/node", False),
    "detached, in full": ("docker run --detach --name calico-node calico/node", False),
    "another container": ("docker run --name=calico-node-2 calico/node", False),
    "an argument of another container": ("docker run --name=web nginx calico-node", False),
    "its log": ("docker logs -f calico-node", False),
    "a command in it": ("docker exec -it calico-node sh", False),
    "nothing": ("docker", False),
    "no arguments at all": ("", False),
}


@pytest.mark.parametrize(("line", "waits"), CASES.values(), ids=CASES.keys())
def test_a_docker_command(line: str, waits: bool) -> None:
    assert waits_for(line.split(), "calico-node", ID) is waits
