"""Where the datastore is, mostly etcd, and what proves who we are, becomes [datastore]."""

import re
import shlex
from dataclasses import replace
from pathlib import PurePosixPath

from calico_agent.adopt.described import Described, Given, NotTakenOver
from calico_agent.adopt.draft import Draft
from calico_agent.adopt.kubernetes import translate_kubernetes
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.plan.desired_container import CA_IN_CONTAINER, CERT_IN_CONTAINER, KEY_IN_CONTAINER
from calico_agent.sources.docker.decode.node_datastore import datastore_settings

PASSWORD_FILE = "/etc/calico-agent/etcd-password"  # noqa: S105 - where it will be
# Where the files of a Secret are put on the host.
_CERTS = "/etc/calico/certs"
POD_DIRECTORY = "/var/lib/kubelet/pods"
_IS_3 = (
    'the image does not say its version: for Calico 2.x (calico/node v1 and v2) set [node] preset = "v1.3" and '
    '[datastore] api = "v2"'
)
_IS_2 = (
    "the image does not say its version, and {why} is of Calico 2.x: for Calico 3.x leave [node] preset and "
    "[datastore] api out"
)
_OF_1 = "is of Calico 1.x; calico-agent knows Calico 2.x (calico/node v1 and v2) and 3.x"
_ON_HOST = "(that is the path in the container: write where the file is on the host)"
_NOTHING = Given()
_SOME_2 = "calico/node:v2.6"
_INSIDE = {"ca_file": CA_IN_CONTAINER, "cert_file": CERT_IN_CONTAINER, "key_file": KEY_IN_CONTAINER}
_FILES = {"ETCD_CA_CERT_FILE": "ca_file", "ETCD_CERT_FILE": "cert_file", "ETCD_KEY_FILE": "key_file"}
# Calico 3.x has no networks for Docker any more (calicoctl/commands/node/run.go of projectcalico/calicoctl@v3.0.0), and
# no endpoint in two parts (libcalico-go/lib/apiconfig); guides go on with them for years, so they prove nothing.
_OF_2 = ("ETCD_AUTHORITY", "ETCD_SCHEME", "CALICO_LIBNETWORK_ENABLED")
# Calico 3.1 and later keep the node's name there.
_OF_3 = "/var/lib/calico"
_BEFORE_2 = re.compile(r":(release-)?v?0\.\d+")
_VERSION = re.compile(r":(release-)?v?\d+\.\d+|:v\d+$")
# What says where the datastore is; libcalico-go reads each with this prefix first.
NAMES = frozenset(
    prefix + name
    for prefix in ("", "CALICO_")
    for name in (
        *("ETCD_ENDPOINTS", "ETCD_DISCOVERY_SRV", "ETCD_AUTHORITY", "ETCD_SCHEME", "ETCD_USERNAME", "ETCD_PASSWORD"),
        *("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE", "ETCD_CA_CERT", "ETCD_CERT", "ETCD_KEY"),
    )
)


def translate_datastore(draft: Draft, described: Described) -> DatastoreSettings:
    """What the agent will use. Raises Refused for a datastore that it cannot use."""
    env, image = described.env, described.image
    if _BEFORE_2.search(image.value.partition("@")[0]):
        raise NotTakenOver(image.place, f"{image.value[:80]} {_OF_1}")
    draft.handled.update(name for name in env if name in NAMES or name.startswith("ETCD_"))
    read = datastore_settings(_container(described))
    if isinstance(read, Unreadable) and read.code == "kubernetes":
        return translate_kubernetes(draft, described)
    if isinstance(read, Unreadable):
        raise NotTakenOver(_place_of(read.reason, described), read.reason)
    endpoints = _setting(described, "ETCD_ENDPOINTS")
    if endpoints.unknown:
        draft.fill_in.append((("datastore", "endpoints"), endpoints.unknown))
    elif fault := draft.set("datastore", "endpoints", list(read.endpoints)):
        raise NotTakenOver(endpoints.place, f"ETCD_ENDPOINTS: {fault}")
    if read.api is EtcdApi.V2:
        draft.set("datastore", "api", "v2")
    if not (image.unknown or tells_generation(image.value) or "DATASTORE_TYPE" in env):
        draft.explain("preset", _IS_2.format(why=_of_2(described)) if read.api is EtcdApi.V2 else _IS_3, lost=True)
    _explain(draft, described)
    ca_file, cert_file, key_file = _certificates(draft, described, read)
    known = replace(read, ca_file=ca_file, cert_file=cert_file, key_file=key_file)
    return _with_credentials(draft, described, known)


def _place_of(reason: str, described: Described) -> str:
    """The place of the variable that the reason speaks of."""
    env = described.env
    spoken = sorted((name for name in env if name in NAMES and name in reason), key=len, reverse=True)
    likely = [*spoken, "DATASTORE_TYPE", *(name for name in env if name in NAMES)]
    return next((env[name].place for name in likely if name in env), described.image.place)


def _of_2(described: Described) -> str:
    """What of it speaks for Calico 2.x; empty where nothing does, or something speaks for Calico 3.x."""
    if any(given.mount.destination == _OF_3 for given in described.mounts):
        return ""
    return next((name for name in _OF_2 if described.env.get(name, _NOTHING).value), "")


def _explain(draft: Draft, described: Described) -> None:
    """What of the rest is the same by another name, and what is not."""
    endpoints = _setting(described, "ETCD_ENDPOINTS")
    draft.explain(
        "ETCD_ENDPOINTS",
        endpoints.unknown or "the same endpoints, written one after the other",
        lost=bool(endpoints.unknown),
    )
    for name in draft.handled & described.env.keys() - {"ETCD_ENDPOINTS", *_FILES}:
        given = described.env[name]
        if given.unknown:
            draft.explain(name, given.unknown, lost=True)
        elif name.startswith("CALICO_"):
            draft.explain(name, f"the same is given as {name.removeprefix('CALICO_')}")
        elif name in {"ETCD_AUTHORITY", "ETCD_SCHEME"}:
            draft.explain(name, "the endpoint is given as ETCD_ENDPOINTS")
        elif given.value:
            draft.explain(name, "calico-agent goes by the endpoints and gives calico/node those", lost=True)
        else:
            draft.explain(name, "without a value it says nothing")


def _container(described: Described) -> Container:
    """A container that says the same, for those who read one. What is not known yet stands for something that fits."""
    env = {name: given.value for name, given in described.env.items()}
    if _setting(described, "ETCD_ENDPOINTS").unknown:
        secure = any(_setting(described, name) != _NOTHING for name in _FILES)
        env["ETCD_ENDPOINTS"] = f"{'https' if secure else 'http'}://etcd.invalid:2379"
    image = described.image.value
    if not tells_generation(image) and "DATASTORE_TYPE" not in env and _of_2(described):
        image = _SOME_2
    return Container(
        id="",
        name=described.name.value,
        image=image,
        state=ContainerState.CREATED,
        env=tuple(env.items()),
        mounts=tuple(given.mount for given in described.mounts),
    )


def tells_generation(image: str) -> bool:
    """Whether the tag of an image names a version."""
    return _VERSION.search(image.partition("@")[0]) is not None


def _certificates(draft: Draft, described: Described, read: DatastoreSettings) -> list[str]:
    """The files of the authority, of our certificate and of its key, as far as they are known and of use."""
    secure = any(endpoint.startswith("https:") for endpoint in read.endpoints)
    files = {}
    for name, key in _FILES.items():
        given, path = _setting(described, name), str(getattr(read, key))
        files[key] = _kept(draft, path) if secure and path else ""
        if given.unknown:
            draft.fill_in.append((("datastore", key), f"{given.unknown} {_ON_HOST}"))
            draft.explain(name, given.unknown, lost=True)
        elif files[key] and not (fault := draft.set("datastore", key, files[key])):
            draft.explain(name, "the same file of the host, at calico-agent's place in the container")
            draft.explain(_INSIDE[key], "the file is mounted where calico-agent says that it is")
        elif files[key]:
            draft.explain(name, fault, lost=True)
            files[key] = ""
        else:
            unused = "the endpoints are http, where certificates are of no use"
            draft.explain(name, unused if path else "without a value it says nothing")
    for name, key, other in (("ETCD_CERT_FILE", "cert_file", "key_file"), ("ETCD_KEY_FILE", "key_file", "cert_file")):
        if files[key] and ("datastore", other) not in draft.settings.keys() | dict(draft.fill_in).keys():
            del draft.settings["datastore", key]
            files[key] = ""
            draft.explain(name, f"it is of no use without the {other.replace('_file', '')}", lost=True)
    return list(files.values())


def _kept(draft: Draft, path: str) -> str:
    """Where a file is when the pod is gone. One of a Secret goes with the pod."""
    if not PurePosixPath(path).is_relative_to(POD_DIRECTORY):
        return path
    kept = str(PurePosixPath(_CERTS, PurePosixPath(path).name))
    draft.commands.append(f"install -D -m 0600 {shlex.quote(path)} {shlex.quote(kept)}")
    return kept


def _with_credentials(draft: Draft, described: Described, read: DatastoreSettings) -> DatastoreSettings:
    given = _setting(described, "ETCD_PASSWORD")
    has_password = bool(given.value or given.unknown or given.file)
    who = _setting(described, "ETCD_USERNAME").unknown
    if who:
        draft.fill_in.append((("datastore", "username"), who))
    if (read.username or who) and has_password:
        if read.username:
            draft.set("datastore", "username", read.username)
        draft.set("datastore", "password_file", given.file or PASSWORD_FILE)
        if not given.file:
            draft.commands.append(_write_password(described, given))
        return replace(read, password=given.value)
    for name in ("ETCD_USERNAME", "ETCD_PASSWORD"):
        if described.env.get(name, _NOTHING) != _NOTHING:
            draft.explain(
                name,
                "a user name without a password, or the reverse, is of no use",
                lost=bool(read.username or has_password),
            )
    return replace(read, username="", password="")


def _write_password(described: Described, given: Given) -> str:
    """The command that writes the password's file; the password itself is in no text of ours."""
    typed = f"install -D -m 0600 /dev/stdin {PASSWORD_FILE}"
    if described.origin.startswith("container "):
        name = shlex.quote(described.name.value)
        form = "'{{range .Config.Env}}{{println .}}{{end}}'"
        return f"docker inspect --format {form} {name} | sed -n 's/^ETCD_PASSWORD=//p' | {typed}"
    return f"{typed}   # then type what ETCD_PASSWORD is ({given.place or given.unknown}), Enter and Ctrl-D"


def _setting(described: Described, name: str) -> Given:
    """As libcalico-go reads it."""
    first = described.env.get(f"CALICO_{name}", _NOTHING)
    return described.env.get(name, _NOTHING) if first == _NOTHING else first
