"""A manifest -> the same without calico/node, and what calico-agent needs to run it on each host instead."""

from dataclasses import dataclass, replace

from calico_agent.adopt.described import Translation
from calico_agent.adopt.manifest.describe import Description, describe
from calico_agent.adopt.manifest.edit import apply, take_out
from calico_agent.adopt.manifest.left import Left, left_in_place
from calico_agent.adopt.manifest.objects import TooMuch, member, objects, string
from calico_agent.adopt.manifest.secrets import Store, store_of
from calico_agent.adopt.manifest.strategy import strategy, to_on_delete
from calico_agent.adopt.manifest.workload import AlreadySplit, Workload, find_workload, refuse_doubled_keys
from calico_agent.adopt.manifest.yaml_text import Parsed, Text, parse
from calico_agent.adopt.translate import translate


@dataclass(frozen=True, slots=True)
class Split:
    """The manifest without calico/node (`text`), what changed in it, and what the container becomes."""

    workload: Workload
    store: Store
    text: str
    left: Left | None
    strategy: str
    description: Description
    translation: Translation


def split(text: Text, certs_dir: str) -> Split | AlreadySplit:
    """Raises Refused, with place and reason, for what calico-agent does not understand or cannot take over."""
    parsed = parse(text)
    everything = list(objects(parsed))
    workload = find_workload(parsed, everything)
    if isinstance(workload, AlreadySplit):
        return workload
    store = store_of(everything, workload.daemon_set.namespace, certs_dir)
    for owner in store.objects.values():
        refuse_doubled_keys(owner)
    description = describe(workload, store, everything)
    translation = _with_pull(translate(description.described), workload)
    try:
        left = left_in_place(workload)
        changed = _changed(parsed, workload, left)
    except TooMuch:
        raise text.refused(workload.container.start, "an anchor stands for too much to be written out") from None
    return Split(workload, store, changed.text.text, left, strategy(workload), description, translation)


def _changed(parsed: Parsed, workload: Workload, left: Left | None) -> Parsed:
    edits = list(take_out(parsed, workload.containers, workload.container, left.yaml if left else ""))
    if on_delete := to_on_delete(workload):
        edits.append(on_delete)
    return apply(parsed, edits)


def _with_pull(translation: Translation, workload: Workload) -> Translation:
    """When the image is fetched, where the manifest says anything but kubelet's usual `IfNotPresent`."""
    pull = _PULL.get(string(member(workload.container, "imagePullPolicy")))
    return replace(translation, settings={**translation.settings, ("node", "pull"): pull}) if pull else translation


_PULL = {"Always": "always", "Never": "never"}
