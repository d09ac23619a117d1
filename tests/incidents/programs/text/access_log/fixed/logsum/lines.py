"""One line of a web server's log."""

import re

LINE = re.compile(r'(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) ([^ "]+)[^"]*" (\d{3}) (\d+|-)')


def parse(line: str) -> dict[str, str | int]:
    match = LINE.match(line)
    host, user, at, method, path, status, size = match.groups()
    return {
        "host": host,
        "user": "" if user == "-" else user,
        "at": at,
        "method": method,
        "path": path.partition("?")[0],
        "status": int(status),
        "size": 0 if size == "-" else int(size),
    }
