"""What can go wrong with the lab itself."""


class LabError(Exception):
    """The lab cannot do what was asked; the text says what was found and what to do."""
