"""Runs the benchmarks and prints one JSON object a line: {"name", "ours", "reference", "ratio", "bar", "holds"}.

`make bench ONLY=spine` (or `engine`, `vllm`, `events`, `code`). Both sides of every comparison are measured in the same run, alternating, and
medians are compared. Exits 1 where a bar does not hold. `--scale 0.1` tries the programs on a tenth of the data; such figures prove nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

Results = Iterator[dict[str, object]]


def suites() -> dict[str, list[Callable[[float], Results]]]:
    import definitions_import
    import entries
    import events
    import faults
    import import_graph
    import incidents
    import model_engine
    import real_engine
    import scheduling
    import unchanged
    import warehouse

    return {
        "spine": [entries.results, unchanged.results, warehouse.results, definitions_import.results],
        "vllm": [real_engine.results],
        "engine": [model_engine.results, faults.results],
        "events": [events.results, incidents.results],
        "code": [import_graph.results, scheduling.results],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one suite: spine, engine, vllm, events or code")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    known = suites()
    if options.only and options.only not in known:
        sys.stderr.write(f"There is no suite {options.only!r}; there are: {', '.join(known)}.\n")
        return 2
    held = True
    for name, programs in known.items():
        if options.only in (None, name):
            for program in programs:
                for result in program(options.scale):
                    held = held and bool(result["holds"])
                    sys.stdout.write(json.dumps(result) + "\n")
                    sys.stdout.flush()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
