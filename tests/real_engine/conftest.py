"""One engine for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served_vllm import served_vllm


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_vllm(tmp_path_factory.mktemp("vllm")) as found:
        yield found
