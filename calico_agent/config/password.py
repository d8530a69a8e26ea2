"""The file with etcd's password."""

from pathlib import Path

from calico_agent.errors import ConfigError
from calico_agent.small_file import read_small

_MOST_PASSWORD_FILE = 1 << 16


def read_password(path: Path) -> str:
    """The first line. Raises ConfigError; the words are about the file and quote nothing of it."""
    try:
        line = read_small(path, _MOST_PASSWORD_FILE).split(b"\n", 1)[0].rstrip(b"\r")
        password = line.decode()
    except OSError as error:
        raise ConfigError(f"the password file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the first line of the password file {path} is not UTF-8 text") from None
    if not password:
        raise ConfigError(f"the password file {path} has an empty first line")
    return password
