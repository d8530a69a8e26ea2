"""What an administrator asks for, as it stands in the state directory at each pass, in whatever mode."""

from datetime import datetime

from calico_agent.model.maintenance import Maintenance
from calico_agent.model.unreadable import Unreadable
from calico_agent.state.maintenance import OrderFile, PauseFile
from calico_agent.state.moment import this_moment


class Asked:
    """The files of one state directory; with an empty one nothing can be asked for."""

    def __init__(self, state_dir: str) -> None:
        self._pause = PauseFile(state_dir)
        self._order = OrderFile(state_dir)

    def read(self, at: datetime) -> Maintenance:
        """Return what is asked for at `at`, which is now by the agent's clock."""
        now = this_moment(at)
        return Maintenance(self._pause.read(now), self._order.read(now))

    def troubles(self) -> tuple[Unreadable, ...]:
        """Return why it is not known whether somebody paused the agent."""
        return (self._pause.trouble,) if self._pause.trouble is not None else ()
