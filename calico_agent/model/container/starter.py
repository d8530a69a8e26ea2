"""What starts a container again when it ends, beside Docker itself: who takes it over without that is undone by it.

A unit of 2017 is a `docker run` in the foreground. When its container ends, systemd runs `ExecStop=`, which there is
`docker rm -f` with the container's *name*, whoever has that by then, and starts it again after ten seconds
(systemd.service(5): the stop commands are run even if the service ended on its own). A kubelet makes a new container.
"""

from calico_agent.model.container.container import Container


def starter_of(container: Container) -> str:
    """What starts it again, for a sentence; empty where nothing but Docker is known to."""
    if pod := container.pod:
        return f"the kubelet (pod {pod})"
    if container.client is None:
        return ""
    return container.client.unit or f"what started the docker command that waits for it (pid {container.client.pid})"


def how_to_end(container: Container) -> str:
    """How what starts it again is kept from that, as a cure; empty where there is no such thing."""
    if pod := container.pod:
        return (
            f"take the container calico-node out of the DaemonSet of pod {pod} (calico-agent manifest split), then "
            f"kubectl -n {pod.partition('/')[0]} delete pod {pod.partition('/')[2]}"
        )
    if container.client is None:
        return ""
    if container.client.unit:
        return _disable(container.client.unit)
    return f"stop what runs the docker command with pid {container.client.pid}"


def already_runs(container: Container) -> str:
    """That one under another name runs, which the agent never stops."""
    if pod := container.pod:
        return f"pod {pod} already runs calico/node here; {how_to_end(container)}"
    end = how_to_end(container)
    return f"container {container.name} already runs calico/node here; {end or 'a second would fight it'}"


def still_active(unit: str) -> str:
    """That a unit whose container has ended will start another: two who do that undo each other's work."""
    return f"{unit} is still active and starts its own; {_disable(unit)}"


def _disable(unit: str) -> str:
    return f"systemctl disable --now {unit}"


def why_not_taken_over(container: Container) -> str:
    """Why one that runs is left alone although there is leave to take it over, with what to do; empty: it is not."""
    if starter := starter_of(container):
        return f"{starter} would start it again; first: {how_to_end(container)}"
    if container.auto_remove:
        return "it was started with --rm, so there would be no way back; stop it, and calico-agent starts its own"
    return ""
