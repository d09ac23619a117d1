"""The base of every error that a person is meant to read."""


class SoloistError(Exception):
    """Its text is one sentence: what is wrong, where, and what to do. The command line prints it and exits; no traceback."""


class BadInput(SoloistError):
    """What the person gave cannot be used: a path that is no repository, a date that is none, a broken profile."""
