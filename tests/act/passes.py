"""Supervision of one real Engine without the rest of the agent: read, plan, act, until nothing more is done.

`python -m tests.act.passes URL CALLS SPEC...` is an agent that is killed (SIGKILL) when the Engine has carried
out so many of its calls that change something.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

import requests

from calico_agent.act.container import ContainerActor
from calico_agent.model.assessment import StageReached
from calico_agent.model.container.container import ContainerSpec, Docker
from calico_agent.model.container.program import Stage
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Progress
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.remediation import plan_supervision, record_error
from calico_agent.sources.docker.client import DockerReader

SETTINGS = SuperviseSettings(backoff_initial=timedelta(milliseconds=100))
BEGUN = datetime.now(UTC)
READY = Progress(StageReached(Stage.READY, "it does what it should"))


def supervise(url: str, spec: ContainerSpec, *, most: int = 60) -> list[str]:
    """Passes until nothing is left to do or to wait for; what was done, in words. Never may two run."""
    reader, actor = DockerReader(url), ContainerActor(url)
    attempts, done = Attempts(), []
    try:
        for _ in range(most):
            docker = reader.read(spec.name, image=spec.image)
            assert isinstance(docker, Docker), docker
            running = [found for found in docker.containers if found.running]
            assert len(running) <= 1, running
            well = any(found.env_value("SCRIPT") == "" for found in running)
            plan = plan_supervision(
                docker,
                DesiredContainer(spec),
                attempts,
                SETTINGS,
                progress=READY if well else Progress(),
                etcd_since=BEGUN,
                now=datetime.now(UTC),
                hold_down=timedelta(0),
                jitter=0,
            )
            attempts = plan.attempts
            if plan.action is not None:
                done.append(plan.doing)
                outcome = actor.perform(plan.action)
                attempts = record_error(attempts, outcome.error, outcome.at)
            elif plan.next_attempt is None and well:
                return done
            time.sleep(0.05)
        raise AssertionError(f"no end: {done[-10:]}")
    finally:
        reader.close()


def kill_after(calls: int) -> None:
    """Let this process be killed when so many changing calls have been answered."""
    send = requests.Session.send
    left = [calls]

    def counted(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        answer = send(session, request, **options)  # type: ignore[arg-type]
        left[0] -= request.method in {"POST", "DELETE"}
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    requests.Session.send = counted  # type: ignore[method-assign, assignment]


def main(url: str, calls: str, image: str, *env: str) -> None:
    kill_after(int(calls))
    pairs = tuple(tuple(word.split("=", 1)) for word in env)
    supervise(url, ContainerSpec("calico-node", image, pairs))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
