"""A real browser for the tests that look at pages as a person does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
SECONDS = 120_000
"""Milliseconds after which the browser gives up on what it waits for."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one file: while it is open, this thread's event loop is Playwright's."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page that leaves a picture of how the test ended in the test's folder, and on which no script failed."""
    found = browser.new_page(viewport={"width": 1600, "height": 1000})
    found.set_default_timeout(SECONDS)
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    yield found
    found.screenshot(path=tmp_path / "end.png")
    found.close()
    assert errors == []
