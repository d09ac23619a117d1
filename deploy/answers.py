"""The health check of a container: exits 0 where the URL given answers with 200, and 1 otherwise. Python's own library and nothing else,
so that a look every few seconds costs next to nothing."""

import sys
from urllib.request import urlopen

try:
    with urlopen(sys.argv[1], timeout=4) as answer:  # noqa: S310 (the URL stands in the compose file)
        sys.exit(answer.status != 200)
except OSError as error:
    sys.exit(f"{sys.argv[1]} does not answer: {error}")
