"""What decoding raises, and nothing else."""


class Malformed(Exception):  # noqa: N818 - it names what the input is
    """Input from outside that does not have the form its source promises. `what` is one sentence."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Interrupted(Exception):  # noqa: N818 - it names what happened to the dump
    """The kernel's table changed while it was dumped: the dump is not one state and has to be made again."""


class KernelRefusal(Exception):  # noqa: N818 - it names what the kernel did
    """The kernel answered a request with an error. `errno` is its number, positive as in errno.h."""

    def __init__(self, errno: int) -> None:
        super().__init__(f"the kernel answered with error {errno}")
        self.errno = errno
