"""A container on a real Engine is taken over as the command that made it would be, and comes out the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calico_agent.act.container import ContainerActor
from calico_agent.adopt.described import Described, NotTakenOver
from calico_agent.adopt.translate import config_of, translate
from calico_agent.cli.named_files import read_command, read_container
from calico_agent.model.container.action import CreateContainer
from calico_agent.model.settings import DatastoreSettings
from calico_agent.plan.desired_container import wanted_container
from tests.docker_engine import IMAGE, docker_engine
from tests.lab.engine import Engine
from tests.plan.test_desired_container import IDENTITY

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as made:
        yield made


def inspected(engine: Engine, name: str = "calico-node") -> Described:
    return read_container(name, engine.socket, 10.0)


def test_it_is_what_the_command_says_and_what_the_agent_makes_again(engine: Engine, tmp_path: Path) -> None:
    words = [
        *("--detach", "--name=calico-node", "--net=host", "--privileged", "--restart=always"),
        *("--env=NODENAME=host1", "--env=IP=10.77.0.11/24", "--env=ETCD_ENDPOINTS=http://10.77.0.1:2379"),
        *("--env=DATASTORE_TYPE=etcdv3", "--env=FELIX_X=a b", "--env=CALICO_MANAGE_CNI=false"),
        *(f"--volume={tmp_path}/lib:/var/lib/calico", f"--volume={tmp_path}/bpf:/sys/fs/bpf:ro,private"),
        *("--memory=64M", "--cpu-shares=300", "--cpus=0.5", "--ulimit=nofile=1024:2048", "--label=team=net"),
        *("--log-driver=json-file", "--log-opt=max-size=10m", IMAGE),
    ]
    engine.docker("run", *words)
    told = translate(read_command(f"docker -H {engine.socket} run '" + "' '".join(words) + "'"))
    seen = translate(inspected(engine))
    assert seen.settings == told.settings
    assert {one.subject for one in seen.differences if not one.lost} == {"restart"}

    config = config_of(seen.settings)
    engine.docker("rm", "--force", "calico-node")
    etcd = DatastoreSettings(config.datastore.endpoints)
    spec = wanted_container(config.node_settings(), etcd, IDENTITY)
    assert ContainerActor(engine.socket).perform(CreateContainer(spec, "a test wants it")).error == ""
    again = translate(inspected(engine))
    assert again.settings == seen.settings
    assert again.differences == tuple(one for one in seen.differences if one.subject != "restart")


def test_one_that_is_not_there_is_said(engine: Engine) -> None:
    with pytest.raises(NotTakenOver, match="container nobody: there is no such container"):
        inspected(engine, "nobody")
