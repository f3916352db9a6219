"""The page in Firefox and WebKit: marks, what follows them, and the outbox while the server is away."""

import importlib
import time
from pathlib import Path
from typing import Any

import pytest

from pointillist.core.marks import Points
from pointillist.web.project import Project
from tests.web.browser import OTHERS, Server, draw_lesions

pytest.importorskip("websockets", reason="websockets is not installed")
ASKED = "which => document.querySelector(which)?.textContent ?? ''"


def until(page: Any, which: str, says: str) -> None:
    """Wait until an element says something."""
    deadline = time.monotonic() + 60
    while says not in (said := page.evaluate(ASKED, which)):
        assert time.monotonic() < deadline, f"{which} says {said!r}, not {says!r}"
        page.wait_for_timeout(100)


def labels_on(root: Path, name: str) -> list[int]:
    project = Project(root)
    marks = project.on_image(name)[0].marks.values()
    project.store.close()
    return [mark.label for mark in marks if isinstance(mark, Points)]


@pytest.mark.parametrize("which", OTHERS)
def test_f17_marks_are_segmented_and_wait_while_the_server_is_away(tmp_path: Path, which: str) -> None:
    begun = getattr(importlib.import_module(which), which)
    root = tmp_path / "skin"
    draw_lesions(root, 6)
    server = Server(root)
    try:
        with begun() as browser, browser.opened(1280, 800, 1) as page:
            page.goto(server.address)
            until(page, "#zoom", "%")
            page.wait_for_timeout(400)
            page.mouse.click(640, 400)
            page.mouse.click(230, 130, "right")
            until(page, "#overlay-state", "by classifier")
            until(page, "#saved[data-state=saved]", "saved")
            server.kill()
            page.mouse.click(600, 420)
            page.mouse.click(300, 150, "right")
            until(page, "#saved", "2 kept here")
            server = Server(root, "--port", server.port, "--token", server.token)
            until(page, "#saved[data-state=saved]", "saved")
            assert labels_on(root, "train-00000") == [1, 0, 1, 0]
            page.keyboard.press("Control+z")
            page.wait_for_timeout(300)
            until(page, "#saved[data-state=saved]", "saved")
            page.goto(server.address)
            until(page, "#saved[data-state=saved]", "saved")
            assert labels_on(root, "train-00000") == [1, 0, 1]
    finally:
        server.kill()
