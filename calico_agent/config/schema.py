"""What can be configured: every key, its default, what its value must be.

The `description` of a key's type says what is wanted; it completes the sentence "... is not <description>".
`config/calico-agent.toml` shows the same keys with the same defaults to the administrator.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from calico_agent import paths
from calico_agent.config import values
from calico_agent.config.kinds import METHODS, Endpoint, FilePath, SecretPath, SocketPath, seconds, text
from calico_agent.config.node import NodeSection
from calico_agent.config.password import read_password
from calico_agent.model.calico.autodetection import parse_method
from calico_agent.model.settings import (
    AccessFiles,
    AddressSettings,
    DatastoreSettings,
    DriftPolicy,
    EtcdApi,
    IdentitySettings,
    KubernetesSettings,
    Mode,
    NodeSettings,
    OnChange,
    Preset,
    SuperviseSettings,
)


class AgentSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The loop itself."""

    interval_seconds: Annotated[float, seconds(1, 3600)] = 10.0
    hold_down_seconds: Annotated[float, seconds(0, 3600)] = 10.0
    probe_next_hops: Annotated[bool, Meta(description="true or false")] = True
    state_dir: FilePath = paths.STATE_DIR


class IdentitySection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this host is."""

    name: Annotated[str, text('a node name like host1, or "" for the host name', values.check_node_name)] = ""
    ipv4: Annotated[str, text('"auto", "none" or an address', values.check_ipv4)] = "auto"
    ipv6: Annotated[str, text('"auto", "none" or an address', values.check_ipv6)] = "none"
    method: Annotated[str, text(METHODS, values.check_method)] = "auto"
    method6: Annotated[str, text(METHODS, values.check_method6)] = "auto"
    allow_rejected: Annotated[bool, Meta(description="true or false")] = False
    on_change: Annotated[OnChange, Meta(description='"report" or "replace"')] = OnChange.REPLACE
    start_without_datastore: Annotated[bool, Meta(description="true or false")] = False


class DatastoreSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where etcd is, or the Kubernetes API. Without both that is taken from the calico/node that runs here."""

    endpoints: Annotated[tuple[Endpoint, ...], Meta(max_length=64, description="a list of endpoint URLs")] = ()
    ca_file: FilePath = ""
    cert_file: FilePath = ""
    key_file: SecretPath = ""
    username: Annotated[str, text("a user name")] = ""
    password_file: SecretPath = ""
    api: Annotated[EtcdApi, Meta(description='"v3" or "v2"')] = EtcdApi.V3
    kubeconfig: FilePath = ""
    kubeconfig_context: Annotated[str, text("the name of a context")] = ""
    service_account_dir: FilePath = ""
    use_pod_cidr: Annotated[bool, Meta(description="true or false")] = False
    timeout_seconds: Annotated[float, seconds(0.5, 60)] = 5.0


class DockerSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the Docker Engine is."""

    url: Annotated[str, text("unix:///path or tcp://host:port", values.check_docker_url)] = (
        "unix:///var/run/docker.sock"
    )
    timeout_seconds: Annotated[float, seconds(0.5, 60)] = 5.0
    credentials: Annotated[str, text('an absolute path, or "" for the usual one', values.check_optional_path)] = ""


class BirdSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where BIRD answers on this host: the sockets in the directory that calico/node shares with it."""

    socket: SocketPath = "/var/run/calico/bird.ctl"
    socket6: SocketPath = "/var/run/calico/bird6.ctl"


class SuperviseSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the container is kept running."""

    backoff_initial_seconds: Annotated[float, seconds(0.1, 3600)] = 1.0
    backoff_max_seconds: Annotated[float, seconds(0.1, 86400)] = 300.0
    stable_after_seconds: Annotated[float, seconds(1, 86400)] = 120.0
    start_deadline_seconds: Annotated[float, seconds(20, 86400)] = 60.0
    hung_deadline_seconds: Annotated[float, seconds(5, 86400)] = 60.0
    on_drift: Annotated[DriftPolicy, Meta(description='"replace" or "report"')] = DriftPolicy.REPLACE
    respect_stop: Annotated[bool, Meta(description="true or false")] = False
    take_over: Annotated[bool, Meta(description="true or false")] = False


class HttpSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the agent answers."""

    listen: Annotated[str, text('an address with a port like 127.0.0.1:9197, or "" for off', values.check_listen)] = (
        "127.0.0.1:9197"
    )
    cert_file: FilePath = ""
    key_file: SecretPath = ""
    client_ca_file: FilePath = ""
    token_file: SecretPath = ""
    detail_limit: Annotated[int, Meta(ge=0, le=100_000, description="a whole number from 0 to 100000")] = 0
    socket: SocketPath = paths.SOCKET
    socket_group: Annotated[str, text('a group, or "" for that of the service', values.check_group)] = ""


class LogSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is logged, to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description='one of "debug", "info", "warning", "error"')
    ] = "info"
    format: Annotated[Literal["logfmt", "json"], Meta(description='"logfmt" or "json"')] = "logfmt"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    mode: Annotated[Mode, Meta(description='"observe" or "supervise"')] = Mode.OBSERVE
    agent: AgentSection = field(default_factory=AgentSection)
    identity: IdentitySection = field(default_factory=IdentitySection)
    datastore: DatastoreSection = field(default_factory=DatastoreSection)
    docker: DockerSection = field(default_factory=DockerSection)
    node: NodeSection = field(default_factory=NodeSection)
    bird: BirdSection = field(default_factory=BirdSection)
    supervise: SuperviseSection = field(default_factory=SuperviseSection)
    http: HttpSection = field(default_factory=HttpSection)
    log: LogSection = field(default_factory=LogSection)

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.agent.interval_seconds)

    @property
    def hold_down(self) -> timedelta:
        return timedelta(seconds=self.agent.hold_down_seconds)

    @property
    def listen(self) -> tuple[str, int] | None:
        """Address and port of the HTTP server, None for off."""
        return values.parse_listen(self.http.listen)

    @property
    def access_files(self) -> AccessFiles:
        """By what those who ask over TCP, and the agent, know each other."""
        section = self.http
        return AccessFiles(section.cert_file, section.key_file, section.client_ca_file, section.token_file)

    @property
    def old_names(self) -> bool:
        """Whether node names are those of Calico 2.x, which may have capitals and underscores."""
        return self.datastore.api is EtcdApi.V2 or self.node.preset is Preset.V1_3

    def identity_settings(self) -> IdentitySettings:
        """How this host's name and addresses are found."""
        return IdentitySettings(
            name=self.identity.name,
            as_written=self.old_names,
            ipv4=self._address_settings(self.identity.ipv4, self.identity.method, 4),
            ipv6=self._address_settings(self.identity.ipv6, self.identity.method6, 6),
        )

    def _address_settings(self, text: str, method: str, version: int) -> AddressSettings:
        configured = values.configured_address(text, version)
        if configured:
            return AddressSettings("configured", configured)
        if text == "none" or method == "auto":
            return AddressSettings(text)
        allow = self.identity.allow_rejected
        return AddressSettings("calico", calico=parse_method(method, version), allow_rejected=allow)

    def datastore_settings(self) -> DatastoreSettings | None:
        """Where the datastore is, or None when that is to be taken from the running container.

        Reads the password file, which may change under a running agent; raises ConfigError when it cannot.
        """
        section = self.datastore
        if section.kubeconfig or section.service_account_dir:
            return DatastoreSettings((), kubernetes=self._kubernetes_settings(), timeout=section.timeout_seconds)
        if not section.endpoints:
            return None
        return DatastoreSettings(
            endpoints=section.endpoints,
            ca_file=section.ca_file,
            cert_file=section.cert_file,
            key_file=section.key_file,
            username=section.username,
            password=read_password(Path(section.password_file)) if section.password_file else "",
            api=section.api,
            timeout=section.timeout_seconds,
        )

    def _kubernetes_settings(self) -> KubernetesSettings:
        section, folder = self.datastore, self.datastore.service_account_dir.rstrip("/")
        return KubernetesSettings(
            kubeconfig=section.kubeconfig,
            context=section.kubeconfig_context,
            ca_file=f"{folder}/ca.crt" if folder else "",
            token_file=f"{folder}/token" if folder else "",
            runs_plugins=True,
            pod_cidrs=section.use_pod_cidr,
        )

    def node_settings(self) -> NodeSettings:
        """The container as configured."""
        return self.node.settings()

    def supervise_settings(self) -> SuperviseSettings:
        """How the container is kept running."""
        section = self.supervise
        return SuperviseSettings(
            backoff_initial=timedelta(seconds=section.backoff_initial_seconds),
            backoff_max=timedelta(seconds=section.backoff_max_seconds),
            stable_after=timedelta(seconds=section.stable_after_seconds),
            start_deadline=timedelta(seconds=section.start_deadline_seconds),
            hung_deadline=timedelta(seconds=section.hung_deadline_seconds),
            on_drift=section.on_drift,
            on_identity_change=self.identity.on_change,
            respect_stop=section.respect_stop,
            take_over=section.take_over,
            pull=self.node.pull,
        )
