"""Lines: which statements a file has, and which of them were executed.

What belongs here: counting. The statements are read from the file here, so that the tests' process can only say which lines ran; marks that exclude
lines from counting (`pragma: no cover`) are not heeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestration_assets.code.quality.files import Sources, supports_tests
from orchestration_assets.code.quality.model import FileCoverage


def coverage_of(sources: Sources, executed: Mapping[str, Sequence[int]]) -> Iterator[FileCoverage]:
    """Of each file of Python that is no test's; one that was never imported is not covered at all."""
    from coverage.exceptions import CoverageException
    from coverage.parser import PythonParser

    for path, data in sorted(sources.items()):
        if not path.endswith(".py") or supports_tests(path):
            continue
        parser = PythonParser(text=data.decode("utf-8-sig"), filename=path)
        try:
            parser.parse_source()
        except CoverageException:
            continue  # wrong syntax: told elsewhere
        ran = parser.translate_lines(executed.get(path, ()))
        missing = sorted(parser.statements - ran)
        count = len(parser.statements)
        yield FileCoverage(path=path, statements=count, covered=count - len(missing), missing=tuple(missing))
