"""The options of `docker run`, which of them take a value, and what becomes of those that calico-agent has no key for.

After cli/command/container/opts.go and run.go of docker/cli@v27.5, with what 1.12 still had.
"""

from calico_agent.adopt.docker.flags import Flags

# Long names by their letters.
_LETTERS = {
    "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive", "l": "label",
    "m": "memory", "P": "publish-all", "p": "publish", "q": "quiet", "t": "tty", "u": "user", "v": "volume",
    "w": "workdir",
}  # fmt: skip

_SWITCHES = frozenset(
    {
        "detach", "disable-content-trust", "help", "init", "interactive", "no-healthcheck", "oom-kill-disable",
        "privileged", "publish-all", "quiet", "read-only", "rm", "sig-proxy", "tty", "use-api-socket",
    }
)  # fmt: skip

_WITH_VALUE = frozenset(
    {
        "add-host", "annotation", "attach", "blkio-weight", "blkio-weight-device", "cap-add", "cap-drop",
        "cgroup-parent", "cgroupns", "cidfile", "cpu-count", "cpu-percent", "cpu-period", "cpu-quota",
        "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus", "cpuset-cpus", "cpuset-mems", "detach-keys", "device",
        "device-cgroup-rule", "device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops", "dns",
        "dns-opt", "dns-option", "dns-search", "domainname", "entrypoint", "env", "env-file", "expose", "gpus",
        "group-add", "health-cmd", "health-interval", "health-retries", "health-start-interval",
        "health-start-period", "health-timeout", "hostname", "io-maxbandwidth", "io-maxiops", "ip", "ip6", "ipc",
        "isolation", "kernel-memory", "label", "label-file", "link", "link-local-ip", "log-driver", "log-opt",
        "mac-address", "memory", "memory-reservation", "memory-swap", "memory-swappiness", "mount", "name", "net",
        "net-alias", "network", "network-alias", "oom-score-adj", "pid", "pids-limit", "platform", "publish", "pull",
        "restart", "runtime", "security-opt", "shm-size", "stop-signal", "stop-timeout", "storage-opt", "sysctl",
        "tmpfs", "ulimit", "user", "userns", "uts", "volume", "volume-driver", "volumes-from", "workdir",
    }
)  # fmt: skip

RUN = Flags("docker run", _SWITCHES, _WITH_VALUE, _LETTERS)
# Options of `docker` itself, before the word `run`.
DOCKER = Flags(
    "docker",
    frozenset({"debug", "tls", "tlsverify", "version", "help"}),
    frozenset({"config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey"}),
    {"c": "context", "D": "debug", "H": "host", "l": "log-level", "v": "version"},
)

_PRIVILEGED = "a privileged container has it without being told"
_HOST_NETWORK = "in the host's network it says nothing"
_START = "it is about who watches the container, and calico-agent does"

# What changes nothing for calico/node, and why.
HARMLESS = {
    "attach": _START,
    "cap-add": _PRIVILEGED,
    "device": _PRIVILEGED,
    "device-cgroup-rule": _PRIVILEGED,
    "security-opt": _PRIVILEGED,
    "detach": _START,
    "detach-keys": _START,
    "disable-content-trust": "it is about the fetching of the image: see [node] pull",
    "expose": _HOST_NETWORK,
    "interactive": _START,
    "publish": _HOST_NETWORK,
    "publish-all": _HOST_NETWORK,
    "pull": "it is about the fetching of the image: see [node] pull",
    "quiet": _START,
    "rm": "calico-agent keeps a container that ended, for its log and its exit code",
    "sig-proxy": _START,
    "tty": "it only changes the form of the log",
    "userns": "calico-agent always takes the host's, as the host's network wants it",
}
