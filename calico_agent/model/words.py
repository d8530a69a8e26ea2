"""Words that several stages use in what they say to people."""


def counted(number: int, thing: str) -> str:
    """A number with its noun: `1 route`, `2 routes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def renaming(old: str, new: str) -> str:
    """How a node is given another name on purpose: it is another node then, and pods do not move with it."""
    return (
        f'to rename the node on purpose, move this host\'s pods away, set [identity] name = "{new}", '
        f"then calicoctl delete node {old}"
    )
