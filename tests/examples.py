"""How many made-up examples a test looks at."""

from hypothesis import settings


def at_most(examples: int) -> settings:
    """So many, for a test whose examples are large; fewer where the profile makes up fewer (`make test-fast`)."""
    return settings(max_examples=min(examples, settings().max_examples))
