"""Spreads work over threads, as many as WORKERS says."""

import os
from concurrent.futures import ThreadPoolExecutor


def workers():
    return max(1, int(os.environ.get("WORKERS", "2")))


def portions(items, count):
    size = len(items) // count
    return [items[start : start + size] for start in range(0, len(items), size)]


def spread(function, items):
    """What the function makes of each, in the same order."""
    count = workers()
    with ThreadPoolExecutor(count) as pool:
        results = pool.map(lambda portion: [function(item) for item in portion], portions(items, count))
        return [result for part in results for result in part]
