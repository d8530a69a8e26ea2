"""The words of a unit's lines, by systemd's own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.command_word import LabelledText, Word, source_of
from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.unit.unit_file import last, parse_unit, values
from calico_agent.adopt.unit.unit_words import parse_environment, split, split_commands, with_specifiers, with_variables
from tests.examples import at_most


def words(text: str) -> list[str]:
    return [word.text for word in split(source_of("u", text))]


SPLIT = {
    "white space of all kinds": (" a\tb  c ", ["a", "b", "c"]),
    "double quotes": ('a "b c" d', ["a", "b c", "d"]),
    "single quotes": ("'b c' \"it's\"", ["b c", "it's"]),
    "quotes within a word": ('--env="A=b c"', ["--env=A=b c"]),
    "nothing in quotes": ('a "" b', ["a", "", "b"]),
    "C escapes": (r"a\tb c\x41 \101 \s \\ \u00e9", ["a\tb", "cA", "A", " ", "\\", "é"]),
    "escapes in quotes of both kinds": (r""" "a\"b" 'a\'b' """, ['a"b', "a'b"]),
    "an escape that is none stays": (r"a\d+ b\.c", [r"a\d+", r"b\.c"]),
    "a quote that is escaped": (r"\"a b", ['"a', "b"]),
}


@pytest.mark.parametrize(("text", "expected"), SPLIT.values(), ids=SPLIT)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_quote_that_is_not_closed_is_refused_with_its_line() -> None:
    with pytest.raises(NotTakenOver) as caught:
        split(LabelledText("x.service", 'a b "c d', ((0, 3), (4, 7))))
    assert str(caught.value) == 'x.service:7: a " is opened and not closed'


def test_commands_are_parted_by_a_lone_semicolon() -> None:
    found = split_commands(source_of("u", r"/bin/a b ; /bin/c \; d;"))
    assert [[word.text for word in command] for command in found] == [["/bin/a", "b"], ["/bin/c", ";", "d;"]]


VARIABLES = {"NODE": "host1", "OPTIONS": "-a 'b c'", "EMPTY": "", "ODD": "it's"}
EXPANDED = {
    "in a word": ("-e NODENAME=${NODE}:${NODE}", ["-e", "NODENAME=host1:host1"]),
    "a word of its own makes several": ("$OPTIONS x", ["-a", "b c", "x"]),
    "in braces it makes one": ("${OPTIONS}", ["-a 'b c'"]),
    "without braces in a word it is text": ("-e=$NODE", ["-e=$NODE"]),
    "nothing makes no word": ("$EMPTY $MISSING a", ["a"]),
    "nothing in braces makes an empty one": ("${EMPTY} ${MISSING}", ["", ""]),
    "a dollar that is doubled": ("$$NODE $${NODE}", ["$NODE", "${NODE}"]),
    "quotes that do not close": ("$ODD", ["it's"]),
    "what the shell would do is not done": ("-h=$(hostname) `id` ${NODE:-x}", ["-h=$(hostname)", "`id`", "${NODE:-x}"]),
    "in single quotes, too": ("'${NODE}'", ["host1"]),
}


@pytest.mark.parametrize(("text", "expected"), EXPANDED.values(), ids=EXPANDED)
def test_variables(text: str, expected: list[str]) -> None:
    environment = {name: Word(value, "e:1") for name, value in VARIABLES.items()}
    found = with_variables(split(source_of("u", f"/bin/x {text}")), environment)
    assert [word.text for word in found[1:]] == expected


def test_specifiers_are_put_in_and_an_unknown_one_is_said() -> None:
    known, percent, unknown = with_specifiers(split(source_of("u", "%H-%i 100%% %A")), {"H": "host1", "i": "eth0"})
    assert (known.text, percent.text) == ("host1-eth0", "100%")
    assert "'%A' is not known here" in unknown.unknown


def test_the_environment_of_a_unit() -> None:
    found = parse_environment(split(source_of("u", '''A=1 "B=x y" 'C=it is' 1D=no E -F=x G=a"b"''')))
    assert {name: word.text for name, word in found.items()} == {"A": "1", "B": "x y", "C": "it is", "G": "ab"}


UNIT = r"""
# a comment
[Unit]
Description = calico \
  node
[Service]
ExecStart=/bin/a \
; a comment between

   # another
  -b \
  -c
Environment=A=1
Environment=B=2
Environment=
Environment=C=3
Restart=no
Restart=always
Path=C:\\
"""


def test_lines_go_on_over_comments_and_keep_their_numbers() -> None:
    (start,) = values(parse_unit("x.service", UNIT), "ExecStart")
    assert [(word.text, word.place) for word in split(start)] == [
        ("/bin/a", "x.service:7"),
        ("-b", "x.service:11"),
        ("-c", "x.service:12"),
    ]


def test_a_list_is_forgotten_by_an_empty_value_and_the_last_of_others_counts() -> None:
    unit = parse_unit("x.service", UNIT)
    assert [value.text for value in values(unit, "Environment")] == ["C=3"]
    restart = last(unit, "Restart")
    assert restart is not None
    assert (restart.text, restart.place(0)) == ("always", "x.service:18")
    assert last(unit, "Path").text == "C:\\\\"  # type: ignore[union-attr]


NO_UNITS = {
    "no section": ("ExecStart=/bin/a", "x:1: is not a unit of systemd: a section like [Service] comes first"),
    "a line that assigns nothing": ("[Service]\nhello", "x:2: is no assignment (wanted KEY=value)"),
    "a section without an end": ("\n[Service", "x:2: the section header '[Service' has no end"),
    "a YAML file": ("kind: DaemonSet", "x:1: is not a unit of systemd: a section like [Service] comes first"),
}


@pytest.mark.parametrize(("text", "fault"), NO_UNITS.values(), ids=NO_UNITS)
def test_what_is_no_unit_is_refused_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        parse_unit("x", text)
    assert str(caught.value) == fault


@at_most(50)
@given(st.text(st.sampled_from("aB =\n\\#;[]\"'${}%x\t"), max_size=60))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    try:
        unit = parse_unit("x", f"[Service]\n{text}")
        for one in unit:
            with_variables(with_specifiers(split(one.value), {}), {})
    except NotTakenOver as refusal:
        assert refusal.place.startswith("x:")  # noqa: PT017
