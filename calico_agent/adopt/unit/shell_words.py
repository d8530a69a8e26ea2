"""A simple command as a POSIX shell would take it apart (IEEE Std 1003.1, "Shell Command Language", 2.2 and 2.3).

Only what is plain is taken: words, quotes, backslashes, comments, variables that are known. What the shell would have
to run or to look up leaves the word unknown; what makes more than one command of it is refused.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from calico_agent.adopt.command_word import Budget, LabelledText, Word
from calico_agent.adopt.described import NotTakenOver

_OPERATORS = "|&;<>()"
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
# As `calico-agent run --dry-run` writes what is in a file: a password that no text of ours may hold.
_FIRST_LINE = re.compile(r"\$\(head -n 1 ('(?:[^']|'\"'\"')*'|[\w@%+=:,./-]+)\)")
# The file that Docker would make a folder of is made first: also from there.
_TOUCH = re.compile(r"\[ -e (\S+|'[^']*') \] \|\| touch \1\n")
# What the shell would run, or look up.
_RUN = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]{1,500}\}|\$[0-9@*#?$!-]|`[^`]*`")
# The shell joins the lines before it looks for the name.
_BROKEN = re.compile(r"\$\{?\w*\\\n", re.ASCII)
_ESCAPABLE = '"\\`$'


@dataclass(slots=True)
class _Draft:
    """A word while it is read; one text that grows by characters would be copied with each. `done` are words that an
    unquoted variable with white space has ended.
    """

    place: str
    parts: list[str] = field(default_factory=list)
    unknown: str = ""
    file: str = ""
    quoted: bool = False
    done: list[str] = field(default_factory=list)

    def add(self, value: Word, *, quoted: bool) -> None:
        """The value of a variable."""
        self.unknown = self.unknown or value.unknown
        first, *more = [value.text] if quoted else value.text.split() or [""]
        self.parts.append(first)
        for part in more:
            self.done.append("".join(self.parts))
            self.parts = [part]

    def words(self) -> list[Word]:
        """None where nothing was there but a variable without a value."""
        found = [Word(text, self.place) for text in self.done]
        text = "".join(self.parts)
        if text or self.quoted or self.unknown or self.file:
            found.append(Word(text, self.place, self.unknown, self.file))
        return found


def shell_commands(source: LabelledText, environment: Mapping[str, Word] | None = None) -> tuple[tuple[Word, ...], ...]:
    """The words of each command; commands are on lines of their own. `environment`: None where it is not known."""
    plain = _TOUCH.sub(lambda found: " " * (len(found[0]) - 1) + "\n", source.text)
    return tuple(_Reader(LabelledText(source.label, plain, source.starts), environment).commands())


class _Reader:
    """Goes through the text once; `_at` is where it is."""

    def __init__(self, source: LabelledText, environment: Mapping[str, Word] | None) -> None:
        self._source = source
        self._text = source.text
        self._environment = environment
        self._at = 0
        self._budget = Budget()

    def commands(self) -> Iterator[tuple[Word, ...]]:
        """Those that have a word."""
        words: list[Word] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\n":
                if words:
                    yield tuple(words)
                words = []
            elif character in _OPERATORS:
                reason = f"has {character!a}, so it is more than one plain command; calico-agent runs no scripts"
                raise NotTakenOver(self._source.place(self._at), reason)
            elif character == "#":
                self._at = self._end_of_line() - 1
            elif self._text.startswith("\\\n", self._at):
                self._at += 1
            elif character not in " \t\r":
                words += self._word()
                continue
            self._at += 1
        if words:
            yield tuple(words)

    def _end_of_line(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _word(self) -> list[Word]:
        """One word, or what an unquoted variable makes of it."""
        draft = _Draft(self._source.place(self._at))
        quote, began = "", self._at
        while self._at < len(self._text) and (quote or self._text[self._at] not in f" \t\r\n{_OPERATORS}"):
            character = self._text[self._at]
            if character == quote:
                quote = ""
            elif not quote and character in "\"'":
                quote, draft.quoted = character, True
            elif character == "\\" and quote != "'":
                self._backslash(draft, quote)
            elif character in "$`" and quote != "'":
                self._expansion(draft, quoted=bool(quote))
                continue
            else:
                draft.parts.append(character)
            self._at += 1
        if quote:
            raise NotTakenOver(self._source.place(began), f"a {quote} is opened and not closed")
        return draft.words()

    def _backslash(self, draft: _Draft, quote: str) -> None:
        """What follows is taken as it is; a line ends no command then."""
        self._at += 1
        following = self._text[self._at : self._at + 1]
        if not following or (quote and following not in f"{_ESCAPABLE}\n"):
            draft.parts.append("\\")
        draft.parts.append("" if following == "\n" else following)

    def _expansion(self, draft: _Draft, *, quoted: bool) -> None:
        if _BROKEN.match(self._text, self._at):
            raise NotTakenOver(self._source.place(self._at), "a line ends within the name of a variable")
        if first_line := _FIRST_LINE.match(self._text, self._at):
            draft.file = shlex.split(first_line[1])[0]
            self._at = first_line.end()
        elif variable := _VARIABLE.match(self._text, self._at):
            self._at = variable.end()
            name = variable[1] or variable[2]
            if self._environment is None:
                draft.unknown = f"the value of ${name} is not known here"
            else:
                value = self._environment.get(name, Word("", ""))
                self._budget.take(value, draft.place)
                draft.add(value, quoted=quoted)
        elif found := _RUN.match(self._text, self._at):
            draft.unknown = f"what {found[0][:60]!a} stands for is not known here"
            self._at = found.end()
        elif self._text.startswith(("`", "${"), self._at):
            opened = "`" if self._text[self._at] == "`" else "${"
            raise NotTakenOver(self._source.place(self._at), f"a {opened} is opened and not closed")
        else:
            draft.parts.append("$")
            self._at += 1
