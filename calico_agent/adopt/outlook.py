"""What would happen on this host if calico-agent took a container over: in which order, and what speaks against it."""

from collections.abc import Iterator

from calico_agent.adopt.described import Translation
from calico_agent.model.container.container import Container
from calico_agent.model.container.starter import how_to_end, starter_of
from calico_agent.model.container.supervision import DesiredContainer
from calico_agent.paths import CONFIG_FILE
from calico_agent.report.pages.config_diff import Outlook, objections
from calico_agent.secret import masked

# Enabled, too: the next boot finds the other one disabled.
_RELOAD = "systemctl enable calico-agent; systemctl reload-or-restart calico-agent"
_SHOWN = ("NODENAME", "IP", "IP6")


def render_outlook(translation: Translation, outlook: Outlook, file: str = CONFIG_FILE) -> str:
    """Steps in their order."""
    wanted, container = outlook.wanted, outlook.container
    steps = [*translation.commands, *_steps(wanted, container, file)]
    lines = ["what would change on this host, in this order:"]
    lines += [f"  {number}. {step}" for number, step in enumerate(steps, 1)]
    if outlook.changes and container is not None:
        lines.append(f"the container {container.name} that is here now would change in:")
        lines += [f"  {change}" for change in outlook.changes]
    lines += [f"cannot tell what is here now: {outlook.unreadable}"] if outlook.unreadable else []
    lines += [f"not now: {reason}" for reason in objections(wanted)]
    return "".join(f"{masked(line)}\n" for line in lines)


def _steps(wanted: DesiredContainer, container: Container | None, file: str) -> Iterator[str]:
    yield f"write the configuration: the same command with --output {file} in the place of --check"
    if container is not None and container.alive and not container.managed:
        starter = starter_of(container)
        what = (
            f"container {container.name} ({container.image}), started by {starter}"
            if starter
            else f"container {container.name} ({container.image})"
        )
        end = how_to_end(container) or f"docker stop {container.name}, or [supervise] take_over = true"
        # In this order: calico/node is away for the seconds of a start, and not for as long as a pull takes.
        yield f"{_RELOAD}: it brings the image, and touches nothing while the other runs"
        yield f"stop {what}: {end}; its routes stay"
    else:
        yield _RELOAD
    if container is not None and not container.alive and not container.managed:
        yield f"calico-agent sets container {container.name} ({container.image}) aside, which does not run"
    if wanted.spec is None:
        yield "calico-agent starts nothing"
        return
    given = dict(wanted.spec.env)
    identity = " ".join(f"{name}={given[name]}" for name in _SHOWN if name in given)
    ours = container is not None and container.managed and container.spec_hash == wanted.spec.hash
    verb = "keeps" if ours else "makes and starts"
    yield f"calico-agent {verb} container {wanted.spec.name} from {wanted.spec.image} with {identity}"
