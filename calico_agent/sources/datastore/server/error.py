"""The one error of everything that speaks with the datastore."""


class DatastoreError(Exception):
    """The datastore could not be used. `reason` is for people, `code` for `Unreadable.code`."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
