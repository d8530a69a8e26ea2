"""What `run --dry-run` prints describes the very container: import of it gives the same specification."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.as_toml import render_toml
from calico_agent.adopt.translate import config_of, translate
from calico_agent.adopt.unit.command import describe_command
from calico_agent.config.node import NodeSection
from calico_agent.config.schema import Config, DatastoreSection, IdentitySection
from calico_agent.model.container.container import ContainerSpec
from calico_agent.model.settings import DatastoreSettings, EtcdApi, Mode, NodeSettings, Preset
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.presets import PRESETS
from calico_agent.report.pages.docker_run import render_docker_run
from tests.adopt.docker.test_docker_run import Files
from tests.examples import at_most
from tests.plan.test_desired_container import IDENTITY

_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f@"), max_size=12)
_PATHS = st.from_regex(r"/[a-z .']{1,8}(/[a-z]{1,4})?", fullmatch=True).filter(lambda path: "/." not in path)
_MOUNTS = st.builds("{}:{}{}".format, _PATHS, _PATHS, st.sampled_from(["", ":ro", ":ro,rslave", ":rshared"]))
_PRESETS = st.sampled_from(Preset)


@st.composite
def _configurations(draw: st.DrawFn) -> Config:
    preset = draw(_PRESETS)
    gives = PRESETS[preset]
    parts = [name for name, _ in gives.env if name != "CALICO_MANAGE_CNI"] + [one.destination for one in gives.mounts]
    secure = draw(st.booleans())
    version = "v1.3.0" if preset is Preset.V1_3 else "v3.31.7"
    mounts = draw(st.lists(_MOUNTS, max_size=3, unique_by=lambda mount: mount.split(":")[1].strip().rstrip("/")))
    return Config(
        mode=Mode.SUPERVISE,
        identity=IdentitySection(name="host1", ipv4="10.77.0.11/24"),
        datastore=DatastoreSection(
            kubeconfig="/etc/my certs/kube config",
            kubeconfig_context=draw(st.sampled_from(["", "blue"])),
            use_pod_cidr=draw(st.booleans()),
        )
        if preset is Preset.KUBERNETES
        else DatastoreSection(
            endpoints=(f"http{'s' if secure else ''}://10.77.0.1:2379",),
            ca_file="/etc/my certs/ca.pem" if secure else "",
            cert_file="/etc/etcd/cert.pem" if secure else "",
            key_file="/etc/etcd/key.pem" if secure else "",
            api=EtcdApi.V2 if preset is Preset.V1_3 else EtcdApi.V3,
        ),
        node=NodeSection(
            image=f"quay.io/calico/node:{version}",
            preset=preset,
            without=tuple(sorted(draw(st.sets(st.sampled_from(parts), max_size=3)))),
            env=draw(st.dictionaries(st.from_regex(r"FELIX_[A-D]{1,3}", fullmatch=True), _TEXTS, max_size=3)),
            mounts=tuple(mounts),
            memory=draw(st.sampled_from(["", "500M", "104857601"])),
            cpu_shares=draw(st.sampled_from([0, 300])),
            cpus=draw(st.sampled_from([0.0, 1.5])),
            ulimits=draw(st.sampled_from([(), ("nofile=1024:2048", "core=-1")])),
            labels=draw(st.dictionaries(st.sampled_from(["team", "a.b/c"]), _TEXTS, max_size=2)),
            log_driver=draw(st.sampled_from(["", "json-file"])),
            log_options=draw(st.sampled_from([{}, {"max-size": "10m"}])),
        ),
    )


def specification(config: Config) -> ContainerSpec:
    settings = config.datastore_settings()
    assert settings is not None
    return wanted_container(config.node_settings(), settings, IDENTITY)


@at_most(40)
@given(_configurations())
def test_import_of_what_is_printed_gives_the_same_specification(config: Config) -> None:
    spec = specification(config)
    translation = translate(describe_command(render_docker_run(spec), Files()))
    again = config_of(translation.settings)
    assert specification(again) == spec
    assert (again.identity.name, again.identity.ipv4) == ("host1", "10.77.0.11/24")
    assert msgspec.to_builtins(again.datastore) == msgspec.to_builtins(config.datastore)
    assert translation.lossless
    assert render_toml(translation, "x")


def test_what_is_not_shown_there_has_to_be_filled_in_and_a_password_stays_in_its_file() -> None:
    etcd = DatastoreSettings(("http://10.77.0.1:2379",), username="calico", password="hush")
    spec = wanted_container(NodeSettings("calico/node:v3.31.7", env=(("HTTP_PROXY", "http://a:b@c"),)), etcd, IDENTITY)
    line = render_docker_run(spec, files={"ETCD_PASSWORD": "/etc/calico-agent/pass word"})
    translation = translate(describe_command(line, Files()))
    assert translation.settings["datastore", "password_file"] == "/etc/calico-agent/pass word"
    assert [key for key, _ in translation.fill_in] == [("datastore", "username"), ("node", "env")]
    assert translation.commands == ()
