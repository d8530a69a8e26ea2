"""Where the agent's own files are on a host, unless the configuration says otherwise."""

CONFIG_FILE = "/etc/calico-agent/calico-agent.toml"
SOCKET = "/run/calico-agent/agent.sock"
STATE_DIR = "/var/lib/calico-agent"
