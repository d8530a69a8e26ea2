"""How start-up ends when it cannot go on."""

from tests.lab.image import logs


class StartError(Exception):
    """Start-up gives up: the container exits 1. The reason has been logged."""


def terminate() -> StartError:
    """The last line of a start-up that gives up; raise what this returns."""
    logs.warning("Terminating")
    return StartError()


class AddressError(Exception):
    """The node gets no address; the reason has been logged. `erases`: a stored one that was to be detected goes too."""

    def __init__(self, *, erases: bool = True) -> None:
        super().__init__()
        self.erases = erases
