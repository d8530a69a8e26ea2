"""Flags of a Go program's command line, as spf13/pflag reads them: of one that is given twice the last counts.

Kubernetes also takes underscores for dashes in their names (component-base/cli/flag/flags.go@kubernetes v1.31).
"""

from collections.abc import Collection, Mapping, Sequence

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What Go takes for true (strconv.ParseBool)."""


def flag_values(arguments: Sequence[str], names: Collection[str]) -> Mapping[str, str]:
    """Those of these flags that are given, as `--name=value` or as `--name value`."""
    found = {}
    for position, argument in enumerate(arguments):
        name, equals, value = _parts(argument)
        if name in names:
            found[name] = value if equals else "".join(arguments[position + 1 : position + 2])
    return found


def is_set(arguments: Sequence[str], name: str) -> bool:
    """Whether a flag that is true or false is true; without a value it is."""
    given = [value in TRUE if equals else True for found, equals, value in map(_parts, arguments) if found == name]
    return bool(given) and given[-1]


def _parts(argument: str) -> tuple[str, str, str]:
    if not argument.startswith("--"):
        return "", "", ""
    name, equals, value = argument.removeprefix("--").partition("=")
    return name.replace("_", "-"), equals, value
