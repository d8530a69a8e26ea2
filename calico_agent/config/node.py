"""The section [node] of the configuration: the calico/node container."""

from typing import Annotated

from msgspec import Meta, Struct, field

from calico_agent.config import options, values
from calico_agent.config.kinds import BindMount, FilePath, UlimitWord, seconds, table, text
from calico_agent.model.container.container import Mount
from calico_agent.model.container.image import PullPolicy
from calico_agent.model.container.run_options import RunOptions
from calico_agent.model.settings import NodeSettings, Preset


class NodeSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calico/node container."""

    image: Annotated[str, text("an image reference like calico/node:v3.31.7", values.check_image)] = ""
    pull: Annotated[PullPolicy, Meta(description='"missing", "never" or "always"')] = PullPolicy.MISSING
    pull_deadline_seconds: Annotated[float, seconds(1, 3600)] = 60.0
    container_name: Annotated[str, text("a container name", values.check_container_name)] = "calico-node"
    preset: Annotated[Preset, Meta(description='"v3", "kubernetes" or "v1.3"')] = Preset.V3
    kubeconfig: FilePath = ""
    without: Annotated[
        tuple[Annotated[str, text("a variable or a mount's destination", options.check_left_out)], ...],
        Meta(max_length=64, description="a list of variables and mounts' destinations"),
    ] = ()
    env: Annotated[dict[str, str], table(values.check_environment)] = field(default_factory=dict)
    mounts: Annotated[tuple[BindMount, ...], Meta(max_length=64, description="a list of bind mounts")] = ()
    memory: Annotated[str, text('a size like "500M", or "" for no limit', options.check_size)] = ""
    cpu_shares: Annotated[
        int,
        Meta(description="a whole number from 2 to 262144, or 0", extra={"check": options.check_shares}),
    ] = 0
    cpus: Annotated[float, Meta(description="a number of processors, or 0", extra={"check": options.check_cpus})] = 0.0
    ulimits: Annotated[tuple[UlimitWord, ...], Meta(max_length=32, description="a list of limits")] = ()
    labels: Annotated[dict[str, str], table(options.check_labels)] = field(default_factory=dict)
    log_driver: Annotated[str, text('a logging driver like "json-file", or ""', options.check_word)] = ""
    log_options: Annotated[dict[str, str], table(options.check_log_options)] = field(default_factory=dict)

    def settings(self) -> NodeSettings:
        """As a plain value."""
        return NodeSettings(
            image=self.image,
            name=self.container_name,
            preset=self.preset,
            kubeconfig=self.kubeconfig,
            without=frozenset(self.without),
            env=tuple(sorted(self.env.items())),
            mounts=self.bind_mounts(),
            options=RunOptions(
                memory=options.parse_size(self.memory),
                cpu_shares=self.cpu_shares,
                nano_cpus=round(self.cpus * 10**9),
                ulimits=tuple(sorted(map(options.parse_ulimit, self.ulimits), key=lambda limit: limit.name)),
                labels=tuple(sorted(self.labels.items())),
                log_driver=self.log_driver,
                log_options=tuple(sorted(self.log_options.items())),
            ),
        )

    def bind_mounts(self) -> tuple[Mount, ...]:
        """Those to add to the preset's."""
        return tuple(values.parse_mount(mount) for mount in self.mounts)
