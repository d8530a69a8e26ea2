"""What pure code may import: an allow-list, because nobody can list all that does I/O."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PURE = re.compile(
    r"calico_agent\.(secret|text|model|expected|checks|faults|identity|plan|report|adopt"
    r"|sources\.(json_object|decode_error|kernel\.uapi|\w+\.decode)"
    r"|sources\.datastore\.(calico|etcd2\.(answer|decode)|etcd3\.(decode|encode)|kubernetes\.(decode|node_annotations)))(\.|$)"
)
"""Modules that turn values into values. They may import each other as far as the layers allow; a stage no decoder."""

# Of the standard library: what computes, and `sys` for `sys.intern` and the version of Python.
ALLOWED = frozenset(
    {
        "base64", "binascii", "bisect", "collections", "collections.abc", "contextlib", "csv", "dataclasses",
        "datetime", "decimal", "difflib", "enum", "fnmatch", "functools", "hashlib", "ipaddress", "itertools", "json",
        "operator", "pathlib", "re", "shlex", "statistics", "struct", "sys", "textwrap", "tomllib", "types", "typing",
        "unicodedata", "urllib.parse",
    }
)  # fmt: skip

# Libraries that compute as well, each where it is needed.
LIBRARIES = {
    "yaml": ("calico_agent.adopt.manifest.", "calico_agent.sources.kubernetes.decode.yaml_object"),
    "contextvars": ("calico_agent.model.last_value_cache",),
    "markupsafe": ("calico_agent.report.html.",),
    "msgspec": (
        "calico_agent.report.as_json",
        "calico_agent.adopt.translate",
        "calico_agent.sources.datastore.kubernetes.",
    ),
    "prometheus_client.core": tuple(f"calico_agent.report.{each}_metrics" for each in ("as", "detail", "tally")),
}

# The configuration is read and written by what is adopted, as values; its modules that open files stay outside.
CONFIGURATION = frozenset(
    f"calico_agent.config.{each}"
    for each in ("consistency", "convert", "keys", "options", "schema", "show", "toml_words", "values")
)
PLAIN = frozenset({"calico_agent.paths"})
"""Names of files, without opening them."""

OPENS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})
PATH_CALLS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "unlink", "stat"})


def refusals(module: str, source: str) -> Iterator[str]:
    """What pure code must not do, of a module's source: imports, and built-in functions that reach outside."""
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node):
            if not may_import(module, name):
                yield f"{module} imports {name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPENS:
            yield f"{module} calls {node.func.id}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PATH_CALLS:
            yield f"{module} calls .{node.func.attr}"


def may_import(module: str, name: str) -> bool:
    """True if a pure module may import this one."""
    if name.startswith("calico_agent"):
        if module.startswith("calico_agent.adopt."):
            return name in CONFIGURATION or name in PLAIN or PURE.match(name) is not None
        decoder = module.startswith("calico_agent.sources.")
        return PURE.match(name) is not None and (decoder or not name.startswith("calico_agent.sources."))
    return name in ALLOWED or module.startswith(LIBRARIES.get(name, ()))


def modules(package: Path) -> Iterator[tuple[str, str]]:
    """Each pure module of a package with its source."""
    for path in sorted(package.rglob("*.py")):
        name = ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        if PURE.match(name):
            yield name, path.read_text()


def _imported(node: ast.AST) -> Iterator[str]:
    """The full names that a statement imports; of `from package import module` the module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        folder = Path(node.module.replace(".", "/"))
        inside = {alias.name: (folder / f"{alias.name}.py").exists() for alias in node.names}
        yield from (f"{node.module}.{name}" for name, is_module in inside.items() if is_module)
        if not all(inside.values()):
            yield node.module
