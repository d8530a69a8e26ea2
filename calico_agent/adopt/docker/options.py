"""Image, name and what Docker is told beside them become [node] and [docker]."""

from pathlib import PurePosixPath

from calico_agent.adopt.described import Described, NotTakenOver
from calico_agent.adopt.draft import Draft

# The labels by which kubelet knows the containers of pods: it would remove one that it did not make.
_KUBELETS_LABELS = ("io.kubernetes.", "annotation.io.kubernetes.")
_START = "start_runit"


def translate_options(draft: Draft, described: Described) -> None:
    """What is no option with calico-agent is explained."""
    _image(draft, described)
    of_kubelet = described.from_pod and described.name.value.startswith("k8s_")
    name = "" if of_kubelet else described.name.value
    draft.explain("name", "kubelet names containers of pods so" if of_kubelet else "it had no name of its own")
    if fault := draft.set("node", "container_name", name or "calico-node"):
        draft.explain("name", fault, lost=True)
    if described.url and (fault := draft.set("docker", "url", described.url)):
        raise NotTakenOver(described.image.place, f"the Docker Engine {fault}")
    draft.explain("network", "calico/node writes the routes of the host, so it has to be in the host's network")
    draft.explain("privileged", "calico/node programs the host's kernel, so calico-agent always makes it privileged")
    draft.explain("restart", _RESTART)
    _command(draft, described)
    _run_options(draft, described)


_RESTART = (
    "calico-agent starts it again itself, with a growing wait and a reason in `calico-agent status`; "
    "two who restart one container hide its crashes from each other"
)


def _image(draft: Draft, described: Described) -> None:
    image = described.image
    if image.unknown:
        draft.fill_in.append((("node", "image"), image.unknown))
        draft.explain("image", image.unknown, lost=True)
    elif fault := draft.set("node", "image", image.value):
        raise NotTakenOver(image.place, f"the image {fault}")


def _command(draft: Draft, described: Described) -> None:
    words = described.command.value.split()
    if [PurePosixPath(word).name for word in words] == [_START]:
        draft.explain("command", "it is what the image of calico/node runs by itself")
    else:
        draft.explain("command", "calico-agent runs the image's own command", lost=True)


def _size(count: int) -> str:
    """Bytes, in the largest unit that is exact; empty for no limit."""
    for unit, shift in (("G", 30), ("M", 20), ("K", 10)):
        if count and not count % (1 << shift):
            return f"{count >> shift}{unit}"
    return f"{count}" if count else ""


def _run_options(draft: Draft, described: Described) -> None:
    given = described.options
    values: dict[str, object] = {
        "memory": _size(given.memory),
        "cpu_shares": given.cpu_shares,
        "cpus": given.nano_cpus / 10**9,
        "ulimits": [f"{limit.name}={limit}" for limit in given.ulimits],
        "labels": {name: value for name, value in given.labels if not name.startswith(_KUBELETS_LABELS)},
        "log_driver": given.log_driver,
        "log_options": dict(given.log_options),
    }
    for name, value in values.items():
        if value and (fault := draft.set("node", name, value)):
            draft.explain("nano_cpus" if name == "cpus" else name, fault, lost=True)
    if len(values["labels"]) != len(given.labels):  # type: ignore[arg-type]
        draft.explain("labels", "kubelet removes containers with its labels that it did not make")
