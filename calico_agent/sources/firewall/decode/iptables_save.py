"""The output of iptables-save and ip6tables-save, of both kinds -> tables.

Rules are read as the host's own packets meet them: a limit is taken as not reached, and a check of the reverse path as
passed, because the packets that are judged come as the routes say. What a rule asks for beyond that and is not
understood makes it unclear, never void. The chains of Calico into which nobody looks (`model.network.calico_chains`)
are left out but for their first rule, and of the nat table there is only what it says of kube-proxy: in a large cluster
these are nearly all of it.
"""

import re
from collections.abc import Iterator

from calico_agent.model.network.calico_chains import is_closed
from calico_agent.model.network.firewall import (
    ALL_BITS,
    Act,
    BaseChain,
    FirewallRule,
    Masquerading,
    Match,
    Table,
    Tool,
    Unclear,
)
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.firewall.decode.iptables_match import condition
from calico_agent.sources.kubernetes.decode.kube_proxy_rules import masquerading_of

# include/uapi/linux/netfilter_ipv4.h: the priorities of the tables at their hooks.
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_HOOKS = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
_COUNTERS = re.compile(r"^\[\d+:\d+\] ")
# A cluster of 5,000 services has some 50,000 rules in the nat table, which are not kept, and few elsewhere.
_MOST_RULES = 100_000
_LONGEST_TEXT = 300

_PASSES_ON = frozenset(
    (
        *("LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "TEE", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "TCPMSS", "ECN"),
        *("TCPOPTSTRIP", "CHECKSUM", "SET", "SECMARK", "CONNSECMARK", "IDLETIMER", "LED", "RATEEST"),
    )
)
_ENDS = {"ACCEPT": Act.ACCEPT, "DROP": Act.DROP, "REJECT": Act.DROP, "RETURN": Act.RETURN, "TARPIT": Act.DROP}


def decode_save(tool: Tool, family: str, output: str, command: str) -> tuple[tuple[Table, ...], Masquerading]:
    """The tables in it, without nat."""
    tables: list[Table] = []
    masquerading = Masquerading()
    for name, lines in _by_table(output):
        if name == "nat":
            masquerading += masquerading_of(lines)
        elif name in _PRIORITIES:
            tables.append(_table(tool, family, name, lines, command))
    return tuple(tables), masquerading


def _by_table(output: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in output.splitlines():
        if line.startswith("*"):
            name, lines = line[1:].strip(), []
        elif line == "COMMIT":
            yield name, lines
            name = ""
        elif line and not line.startswith("#"):
            lines.append(_COUNTERS.sub("", line))
    if name:
        raise Malformed(f"the table {name[:40]} has no end")


def _table(tool: Tool, family: str, name: str, lines: list[str], command: str) -> Table:
    chains: dict[str, list[FirewallRule]] = {}
    base: list[BaseChain] = []
    if len(lines) > _MOST_RULES:
        raise Malformed(f"the table {name} has {len(lines)} lines, more than the {_MOST_RULES} that are read")
    for line in lines:
        words = line.split(None, 2)
        if line.startswith(":") and len(words) > 1:
            chain, policy = words[0][1:], words[1]
            chains[chain] = []
            if chain in _HOOKS and policy != "-":
                base.append(BaseChain(chain, _HOOKS[chain], _PRIORITIES[name], policy == "DROP"))
        elif words[0] == "-A" and len(words) > 1 and words[1] in chains:
            if not is_closed(words[1]) or not chains[words[1]]:
                chains[words[1]].append(_rule(line, chains))
        else:
            raise Malformed(f"a line of the table {name} is {line[:80]!a}")
    return Table(tool, family, name, {chain: tuple(rules) for chain, rules in chains.items()}, tuple(base), command)


def _rule(line: str, chains: dict[str, list[FirewallRule]]) -> FirewallRule:
    matches: list[Match] = []
    comments: list[str] = []
    target, goes, module = "", False, ""
    options: list[tuple[str, list[str]]] = []
    for option, arguments, negated in _options(_WORD.findall(line)[2:]):
        if option in {"-j", "-g"}:
            target, goes = " ".join(arguments), option == "-g"
        elif target:
            options.append((option, arguments))
        elif option == "--comment":
            comments.append(_plain(" ".join(arguments)))
        elif option == "-m":
            module = " ".join(arguments)
        else:
            matches.extend(condition(module, option, arguments, negated))
    text = line[len("-A ") :][:_LONGEST_TEXT]
    act = Act.GOTO if goes else Act.JUMP if target in chains else _act(target, options)
    if act is Act.MARK:
        return _marking(tuple(matches), target, options, text, "; ".join(comments))
    return FirewallRule(tuple(matches), act, target if target in chains else "", text=text, comment="; ".join(comments))


def _act(target: str, options: list[tuple[str, list[str]]]) -> Act:
    if not target or target in _PASSES_ON:
        return Act.CONTINUE
    if target in {"MARK", "CONNMARK"}:
        return Act.MARK
    if target == "NOTRACK" or (target == "CT" and any(option == "--notrack" for option, _ in options)):
        return Act.UNTRACK
    if target == "CT":
        return Act.CONTINUE
    return _ENDS.get(target, Act.UNCLEAR)


def _marking(
    matches: tuple[Match, ...], target: str, options: list[tuple[str, list[str]]], text: str, comment: str
) -> FirewallRule:
    """iptables-save writes every form of MARK as --set-xmark; the mark of the connection is not known."""
    given = dict(options)
    if target == "CONNMARK":
        if "--restore-mark" not in given:
            return FirewallRule(matches, text=text, comment=comment)
        replaced, unknown = (_mask(given.get(option)) for option in ("--nfmask", "--ctmask"))
        keep, known = ALL_BITS & ~replaced, ALL_BITS & ~unknown
        return FirewallRule(matches, Act.MARK, keep=keep, known=known, text=text, comment=comment)
    try:
        value, _, mask = given["--set-xmark"][0].partition("/")
        flip, cleared = int(value, 16), int(mask or "ffffffff", 16)
    except (KeyError, IndexError, ValueError):
        return FirewallRule((*matches, Unclear(text)), Act.MARK, known=0, text=text, comment=comment)
    return FirewallRule(matches, Act.MARK, keep=ALL_BITS & ~cleared, flip=flip, text=text, comment=comment)


def _mask(arguments: list[str] | None) -> int:
    """The bits that an option names: all without it, or where it is not understood."""
    try:
        return int(arguments[0], 16) if arguments else ALL_BITS
    except ValueError:
        return ALL_BITS


def _options(words: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Each option with its arguments, and whether a `!` stands before it."""
    position, negated = 0, False
    while position < len(words):
        option = words[position]
        position += 1
        if option == "!":
            negated = True
            continue
        arguments: list[str] = []
        free_text = option in {"--comment", "--log-prefix", "--nflog-prefix"}
        while position < len(words) and not (words[position] == "!" or words[position].startswith("-")):
            arguments.append(words[position])
            position += 1
            if free_text:
                break
        yield option, arguments, negated
        negated = False


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
