"""What the machine's language says of how to write things."""

import os

GREETINGS = {"de": "Guten Tag", "fr": "Bonjour", "en": "Good day"}
DAY_FIRST = {"DE", "AT", "FR", "GB"}


def written():
    """Such as de_AT.UTF-8."""
    return os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "en_GB.UTF-8")


def language():
    return written().split("_")[0].lower()


def territory():
    name = written().partition(".")[0]
    return name.partition("_")[2]


def greeting(other="Good day"):
    return GREETINGS.get(language(), other)
