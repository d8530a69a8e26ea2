"""TOML: values as it writes them, and its errors in words that name the line and the cure; the parser's are for those
who know its grammar.
"""

import json
import re

_LINE = re.compile(r"\(at line ([0-9]+), column ([0-9]+)\)")
_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice")
_BARE_TEXT = re.compile(r"""\s*(?P<key>[A-Za-z0-9_."'-]+)\s*=\s*[^\s"'\[{#].*""")
_KEY = re.compile(r"""\s*(?P<key>[A-Za-z0-9_."'-]+)\s*=""")


def toml_fault(error: ValueError, text: str) -> str:
    """What is wrong, on one line."""
    said = str(error)
    found = _LINE.search(said)
    number = int(found[1]) if found else 0
    line = text.split("\n")[number - 1] if found and number <= text.count("\n") + 1 else ""
    if twice := _TWICE.search(said):
        name = ".".join(part.strip(" '\"") for part in twice[1].split(","))
        return f"the section [{name[:60]}] is there twice, the second time in line {number}"
    if said.startswith("Cannot overwrite a value") and (key := _KEY.match(line)):
        return f"the key {key['key'][:60]} is there twice, the second time in line {number}"
    if said.startswith("Invalid value") and (bare := _BARE_TEXT.fullmatch(line.rstrip("\r"))):
        # Not the text itself, which may be a password.
        return f'line {number}: a text wants quotes: {bare["key"][:60]} = "..."'
    return f"is not TOML: {said}"


def toml_value(value: object) -> str:
    """A text, a number, a list or an inline table."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name)} = {toml_value(each)}" for name, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    # JSON's string is TOML's basic string, except that TOML also wants DEL escaped.
    return json.dumps(value).replace("\x7f", "\\u007f")
