"""What may stand behind a bar in a placeholder. Arguments come as text."""


def title(value):
    return " ".join(word.capitalize() for word in value.split())


def shorten(value, length="40"):
    limit = int(length)
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def default(value, other):
    return value or other


FILTERS = {function.__name__: function for function in (title, shorten, default)}
