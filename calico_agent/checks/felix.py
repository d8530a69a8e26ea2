"""Where Felix is told what holds on this host."""

from calico_agent.expected.local_node import felix_told
from calico_agent.expected.view import View
from calico_agent.model.calico.felix import variable


def where_told(view: View, setting: str, value: str) -> str:
    """Return who has the last word about a setting of which it is known that it has this value."""
    recorded, written = felix_told(view.cluster, view.local.name, view.local.container)
    if setting in dict(written) and view.local.container is not None:
        return f"{variable(setting)}={dict(written)[setting]} in {view.local.container.name}"
    whose = f"node.{view.local.name}" if setting in dict(recorded) else "default"
    return f"{setting} is {value} in FelixConfiguration {whose}"
