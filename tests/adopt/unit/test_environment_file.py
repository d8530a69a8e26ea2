"""Files of variables: systemd's rules and Docker's, which are not the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.command_word import Word
from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.unit.environment_file import parse_docker_env_file, parse_environment_file
from tests.examples import at_most

SYSTEMD = {
    "plain": ("A=1\nB=two words  \n", {"A": "1", "B": "two words"}),
    "space around the name": (" A = 1\n", {"A": "1"}),
    "quotes": ('A="x y "\nB=\'x "y"\'\n', {"A": "x y ", "B": 'x "y"'}),
    "quotes in the middle are text": ('A=b"c"\n', {"A": 'b"c"'}),
    "parts that follow each other": ("A='x'\"y\"z\n", {"A": "xyz"}),
    "escapes in double quotes": (r'A="a\"b\$c\\d\e"' + "\n", {"A": r'a"b$c\d\e'}),
    "escapes outside": (r"A=a\ b\n" + "\n", {"A": "a bn"}),
    "no escapes in single quotes": (r"A='a\"b'" + "\n", {"A": r"a\"b"}),
    "a value over two lines": ("A=a\\\nb\nB=1\n", {"A": "ab", "B": "1"}),
    "a quoted value over two lines": ('A="a\nb"\nB=1\n', {"A": "a\nb", "B": "1"}),
    "comments": ("# A=1\n; B=2\nC=3 # no comment\n", {"C": "3 # no comment"}),
    "a comment that goes on": ("# a \\\nB=2\nC=3\n", {"C": "3"}),
    "lines that assign nothing": ("hello\n\nexport A=1\n1B=2\nC=\n", {"C": ""}),
    "the last one counts, without a last line end": ("A=1\nA=2", {"A": "2"}),
    "nothing is expanded": ("A=1\nB=$A${A}\n", {"A": "1", "B": "$A${A}"}),
    "Windows line ends": ('A=1\r\nB="2"\r\n', {"A": "1", "B": "2"}),
}


@pytest.mark.parametrize(("text", "expected"), SYSTEMD.values(), ids=SYSTEMD)
def test_as_systemd_reads_it(text: str, expected: dict[str, str]) -> None:
    assert {name: word.text for name, word in parse_environment_file("f", text).items()} == expected


def test_each_variable_knows_its_line() -> None:
    found = parse_environment_file("f", '# x\nA=a\\\nb\n\nB="\n"\nC=1')
    assert {name: word.place for name, word in found.items()} == {"A": "f:2", "B": "f:5", "C": "f:7"}


def test_as_docker_reads_it() -> None:
    text = '\ufeff# c\nA="x y" \n  B=1\nC\nD\nE=#1\r\n'
    found = dict(parse_docker_env_file("f", text, {"C": Word("outer", "e:1")}))
    assert {name: word.text for name, word in found.items()} == {"A": '"x y" ', "B": "1", "C": "outer", "E": "#1"}


def test_docker_refuses_a_name_with_a_space() -> None:
    with pytest.raises(NotTakenOver, match="f:2: Docker refuses the variable 'A B'"):
        dict(parse_docker_env_file("f", "A=1\nA B=2", {}))


@at_most(50)
@given(st.text(st.sampled_from("AB= \n\\#;\"'$\r"), max_size=50))
def test_no_text_is_too_much_for_it(text: str) -> None:
    lines = text.count("\n") + 1
    for word in parse_environment_file("f", text).values():
        assert 1 <= int(word.place.removeprefix("f:")) <= lines
