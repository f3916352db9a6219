"""One browser for all tests of a file, and where a project's store lies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, serving_lesions


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "mine" / ".pointillist"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve two images; a file whose tests want others has a fixture of its own."""
    with serving_lesions(tmp_path / "skin", 2) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()
