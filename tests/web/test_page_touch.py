"""A finger has one button and covers what it points at: both classes are in reach all the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, HEIGHT, WIDTH, Server, opened, serving_lesions, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

PHONE: dict[str, Any] = {"viewport": {"width": 380, "height": 800}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving_lesions(tmp_path / "skin", 3) as found:
        yield found


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    found = opened(browser, server.address, **PHONE)
    yield found
    found.context.close()


class Finger:
    """One finger on the image, placed from the image's middle."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        box = page.locator("#ink").bounding_box()
        self.middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def _send(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": self.middle[0] + x, "y": self.middle[1] + y} for x, y in places]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self, x: float, y: float) -> None:
        self._send("touchStart", (x, y))

    def move(self, x: float, y: float) -> None:
        self._send("touchMove", (x, y))

    def up(self) -> None:
        self._send("touchEnd")


def marks(page: Any, root: Path) -> list[Any]:
    until_saved(page)
    project = Project(root)
    annotation = project.annotation("train-00000")
    project.store.close()
    return [] if annotation is None else list(annotation.marks)


def test_the_class_is_seen_and_chosen_beside_the_image(page: Any, tmp_path: Path) -> None:
    switch = page.get_by_role("group", name="Class", exact=True).locator("visible=true")
    chosen = switch.get_by_role("button", pressed=True)
    sync_api.expect(chosen).to_have_text("foreground")
    switch.get_by_role("button", name="background").tap()
    sync_api.expect(chosen).to_have_text("background")
    finger = Finger(page)
    finger.down(0, 0)
    finger.up()
    assert [mark.label for mark in marks(page, tmp_path / "skin")] == [0]


def test_a_finger_that_rests_marks_background(page: Any, tmp_path: Path) -> None:
    finger = Finger(page)
    finger.down(20, 30)
    sync_api.expect(page.locator("#tip")).to_contain_text("background: lift")
    finger.move(23, 32)  # no finger is quite still
    finger.up()
    sync_api.expect(page.locator("#tip")).not_to_contain_text("lift")
    finger.down(-20, 0)
    finger.up()
    held, tapped = marks(page, tmp_path / "skin")
    assert (held.label, tapped.label) == (0, 1)
    # Where the finger came down.
    across = held.at[0][1] - tapped.at[0][1], held.at[0][0] - tapped.at[0][0]
    scale = page.locator("#ink").bounding_box()["width"] / 192
    assert [distance * scale for distance in across] == pytest.approx([40, 30], abs=1)


def test_a_finger_that_moves_first_marks_nothing_and_pans(page: Any, tmp_path: Path) -> None:
    finger = Finger(page)
    finger.down(0, 0)
    for step in range(1, 6):
        finger.move(10 * step, 0)
    page.wait_for_timeout(700)
    finger.up()
    page.wait_for_timeout(200)
    assert marks(page, tmp_path / "skin") == []
    finger.down(0, 0)
    finger.up()
    (mark,) = marks(page, tmp_path / "skin")
    scale = page.locator("#ink").bounding_box()["width"] / WIDTH
    row, col = mark.at[0]
    assert row == pytest.approx((HEIGHT - 1) / 2, abs=1)
    # The first ten could still have been a tap.
    assert 39 <= ((WIDTH - 1) / 2 - col) * scale <= 51


def test_the_help_begins_with_what_fingers_do(page: Any, browser: Any, server: Server) -> None:
    page.keyboard.press("?")
    sync_api.expect(page.locator("#help-keys h3").first).to_have_text("Touch")
    mouse = opened(browser, server.address)
    mouse.keyboard.press("?")
    sync_api.expect(mouse.locator("#help-keys h3").first).to_have_text("Mark")
    sync_api.expect(mouse.locator("#switch")).to_be_hidden()
    mouse.context.close()
