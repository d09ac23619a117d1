import re

from intake.headers import parse_headers

ORDER = re.compile(r"\b(\d{4})-(\d+)\b")


def order_of(message):
    """Year and number of the order that a message speaks of."""
    head, _, body = message.partition("\n\n")
    headers = parse_headers(head)
    found = ORDER.search(headers.get("subject", "")) or ORDER.search(body)
    if found is None:
        return None
    return int(found[1]), int(found[2])
