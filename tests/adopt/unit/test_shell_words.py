"""A plain command, as a shell takes it apart: the same words as a real one makes, and no script."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.command_word import Word, source_of
from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.unit.shell_words import shell_commands
from tests.examples import at_most

SHELL = shutil.which("dash") or "sh"
ENVIRONMENT = {"NODE": "host1", "TWO": "a  b", "EMPTY": ""}


def one(text: str) -> list[Word]:
    (command,) = shell_commands(source_of("c", text), {name: Word(value, "") for name, value in ENVIRONMENT.items()})
    return list(command)


def real(text: str) -> list[str]:
    said = subprocess.run(
        (SHELL, "-c", f'set -f; show() {{ for word; do printf "%s\\0" "$word"; done; }}; show {text}'),
        capture_output=True, text=True, check=True, env=ENVIRONMENT, timeout=10,
    ).stdout  # fmt: skip
    return said.split("\0")[:-1]


PLAIN = {
    "words": "docker run -e A=1",
    "quotes": """'a b' "c d" e'f'"g" '' "" """,
    "escapes": r"""a\ b "a\"b\$c\d" 'a\b' \\ \"x""",
    "a line that goes on": "a \\\n  b\\\nc 'd\\\ne' \"f\\\ng\"",
    "variables": 'a $NODE ${NODE}x "$TWO" $TWO x$TWO"y" $EMPTY "$EMPTY" $MISSING \'$NODE\'',
    "a dollar alone": 'a $ "b$" $%',
    "a comment": "a b#c # d e",
    "an equals sign and wild cards": "--x=* [a] ? ~",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_the_words_are_those_of_a_real_shell(text: str) -> None:
    assert [word.text for word in one(text)] == real(text)


@at_most(40)
@given(st.text(st.sampled_from("ab =\\\"' $N\n#"), min_size=1, max_size=16))
def test_every_plain_text_is_taken_as_by_a_real_shell(text: str) -> None:
    try:
        commands = shell_commands(source_of("c", f"x {text}"), {})
    except NotTakenOver:
        return
    if len(commands) == 1 and not any(word.unknown for word in commands[0]):
        assert [word.text for word in commands[0][1:]] == real(f"x {text}")[1:]


def test_what_has_to_be_run_or_looked_up_is_unknown() -> None:
    (command,) = shell_commands(source_of("c", "docker -e IP=$IP -e H=$(hostname -f) -e `id` ${X:-1} $1"))
    unknown = [word.unknown for word in command if word.unknown]
    assert unknown == [
        "the value of $IP is not known here",
        "what '$(hostname -f)' stands for is not known here",
        "what '`id`' stands for is not known here",
        "what '${X:-1}' stands for is not known here",
        "what '$1' stands for is not known here",
    ]


def test_a_value_that_is_in_a_file_is_left_there() -> None:
    (word,) = one("--env=ETCD_PASSWORD=\"$(head -n 1 '/etc/my etcd/password')\"")
    assert (word.text, word.file) == ("--env=ETCD_PASSWORD=", "/etc/my etcd/password")


SCRIPTS = {
    "a pipe": ("docker run x | tee y", "c:1: has '|'"),
    "a list": ("docker rm x; docker run y", "c:1: has ';'"),
    "and": ("a \\\n && docker run y", "c:2: has '&'"),
    "to a file": ("docker run x > y", "c:1: has '>'"),
    "a subshell": ("(docker run x)", "c:1: has '('"),
    "a backtick that stays open": ("docker run `id", "c:1: a ` is opened and not closed"),
    "a brace that stays open": ('docker run "${x"', "c:1: a ${ is opened and not closed"),
    "a name that goes on in the next line": ("docker run $NO\\\nDE", "c:1: a line ends within the name of a variable"),
    "a dollar before the end of a line": ('docker run "$\\\nNODE"', "c:1: a line ends within the name of a variable"),
    "a quote that stays open": ("docker\nrun 'x", "c:2: a ' is opened and not closed"),
}


@pytest.mark.parametrize(("text", "fault"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_refused_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        shell_commands(source_of("c", text))
    assert str(caught.value).startswith(fault)
