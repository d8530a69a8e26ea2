"""What the values of the configuration can be. Each says what is wanted, and how that is checked."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from calico_agent.config import options, values


def seconds(least: float, most: float) -> Meta:
    """A duration."""
    return Meta(ge=least, le=most, description=f"a number of seconds from {least:g} to {most:g}")


def text(wanted: str, check: Callable[[str], None] | None = None, *, hidden: bool = False) -> Meta:
    """A text. `hidden`: one that is refused is not shown, it may be a secret that was written at the wrong place."""
    return Meta(max_length=4096, description=wanted, extra={"check": check, "hidden": hidden})


def table(check: Callable[[dict[str, str]], None]) -> Meta:
    """Texts by name. One that is refused is not shown, it may hold a secret."""
    return Meta(max_length=256, description="a table of texts", extra={"check": check, "hidden": True})


METHODS = (
    '"auto", "first-found", "interface=REGEX,...", "skip-interface=REGEX,...", "cidr=NETWORK,..." or "can-reach=HOST"'
)
FilePath = Annotated[str, text('an absolute path, or "" for none', values.check_optional_path)]
SecretPath = Annotated[str, text('an absolute path, or "" for none', values.check_optional_path, hidden=True)]
SocketPath = Annotated[str, text("an absolute path", values.check_socket_path)]
Endpoint = Annotated[str, text("a URL like https://10.0.0.1:2379", values.check_endpoint)]
BindMount = Annotated[str, text("source:destination or source:destination:ro", values.check_mount)]
UlimitWord = Annotated[str, text('a limit like "nofile=1024:2048"', options.check_ulimit)]
