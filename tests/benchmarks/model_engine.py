"""The model engine against a bare aiohttp client: the same prompts, 256 in flight, one loopback server that answers at once or after 200 ms.

Ours is an asset of a Dagster run, whose rows, replies and calls are on disk at the end; the time of an empty run on the same instance is
taken off. Every measurement has a process of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import at_least, at_most, at_most_by

ENGINE = Path(__file__).parent / "engine"
ROOT = ENGINE.parents[2]
ROUNDS = 3


@contextmanager
def endpoint(latency_ms: float, program: Path = ENGINE / "endpoint.py") -> Iterator[str]:
    process = subprocess.Popen([sys.executable, program, "0", str(latency_ms)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.terminate()
        process.wait(10)


def results(scale: float) -> Iterator[dict[str, object]]:
    sizes = [max(200, int(size * scale)) for size in (10_000, 30_000, 100_000)]
    small, _, large = sizes
    with endpoint(0) as url:
        rounds = [{size: _both(url, size) for size in sizes} for _ in range(ROUNDS)]
        for size, bar in ((small, 0.65), (large, 0.65)):
            us, bare = (statistics.median(each[size][side] for each in rounds) for side in ("ours", "bare"))
            yield at_least(f"items a second of {size:,} at 0 ms", size / us, size / bare, bar)
        slopes = [_slope(sizes, [each[size]["ours"] - each[size]["bare"] for size in sizes]) for each in rounds]
        yield at_most_by("overhead of an item (us)", statistics.median(slopes) * 1e6, 80)
        peaks = [each[large]["peak_mb"] - each[small]["peak_mb"] for each in rounds]
        yield at_most_by("peak memory of the large run over that of the small one (MB)", statistics.median(peaks), 150)
        with tempfile.TemporaryDirectory() as folder:
            ours(url, folder, fill=large)
            ours(url, folder)
            nothing = ours(url, folder)
            yield at_most_by(f"nothing edited of {large:,}, beyond an empty run (s)", nothing["seconds"], 0.5)
    with endpoint(200) as url, tempfile.TemporaryDirectory() as folder:
        cold = _both(url, small)
        yield at_least(f"items a second of {small:,} at 200 ms", small / cold["ours"], small / cold["bare"], 0.95)
        ours(url, folder, fill=large)
        first, bare = ours(url, folder)["seconds"], _bare(url, large)
        yield at_least(f"items a second of {large:,} at 200 ms", large / first, large / bare, 0.98)
        ours(url, folder, fill=large // 100, edition=1)
        before = asked(url)
        edited = ours(url, folder)["seconds"]
        calls = asked(url) - before
        yield at_most("calls after an edit of 1%", calls, large // 100, 1.0)
        yield at_most("seconds after an edit of 1%, of the cold run", edited, first, 0.05)


def _both(url: str, count: int) -> dict[str, float]:
    """Seconds of either side, and our peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        ours(url, folder, fill=count)
        measured = ours(url, folder)
    return {"ours": measured["seconds"], "peak_mb": measured["peak_mb"], "bare": _bare(url, count)}


def ours(url: str, folder: str, fill: int | None = None, edition: int = 0, imported: bool = False) -> dict[str, float]:
    """What our side printed, with the time of the empty run taken off, and where asked for that of importing its HTTP client, which an empty
    run does not do; nothing where it only wrote notes."""
    options = [] if fill is None else ["--fill", str(fill), "--edition", str(edition)]
    said = _python(ENGINE / "ours.py", url, folder, *options, *(["--imported"] if imported else []))
    if fill is not None:
        return {}
    if said["failed"]:
        raise RuntimeError(f"{said['failed']} items failed")
    return {"seconds": said["seconds"] - said["empty"], "peak_mb": said["peak_mb"]}


def _bare(url: str, count: int) -> float:
    return float(_python(ENGINE / "bare.py", url, str(count))["seconds"])


def _python(*command: str | Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1])) if done.stdout.strip() else {}


def asked(url: str) -> int:
    """Completions that the server was asked for so far."""
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/count", timeout=10) as reply:
        return int(reply.read())


def _slope(sizes: list[int], seconds: list[float]) -> float:
    """Of the least squares line."""
    return statistics.linear_regression(sizes, seconds).slope
