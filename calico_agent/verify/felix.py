"""Where Felix is told what holds on this host."""

from calico_agent.model.felix import variable
from calico_agent.verify.local import felix_told
from calico_agent.verify.view import View


def where_told(view: View, setting: str, value: str) -> str:
    """Who has the last word about a setting of which it is known that it has this value."""
    recorded, written = felix_told(view.cluster, view.local.name, view.local.container)
    if setting in dict(written) and view.local.container is not None:
        return f"{variable(setting)}={dict(written)[setting]} in {view.local.container.name}"
    whose = f"node.{view.local.name}" if setting in dict(recorded) else "default"
    return f"{setting} is {value} in FelixConfiguration {whose}"
