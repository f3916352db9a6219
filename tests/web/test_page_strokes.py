"""What a stroke leaves: taps, double clicks, and scribbles that come in from outside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.core.marks import Box, ExtremePoints, Points, Scribble
from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, HEIGHT, WIDTH, Server, click, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    found = opened(browser, server.address)
    yield found
    found.context.close()


def marks(page: Any, root: Path) -> list[Any]:
    until_saved(page)
    project = Project(root)
    annotation = project.annotation("train-00000")
    project.store.close()
    return [] if annotation is None else list(annotation.marks)


def on_screen(page: Any, *places: tuple[float, float]) -> list[tuple[float, float]]:
    """Say where (row, col) of the image are while all of it is in view; they may lie outside of it."""
    box = page.locator("#ink").bounding_box()
    scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
    left, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return [
        (left + (col + 0.5 - WIDTH / 2) * scale, top + (row + 0.5 - HEIGHT / 2) * scale)
        for row, col in places
    ]


def drag(page: Any, *places: tuple[float, float], steps: int = 6) -> None:
    """Draw by mouse through (row, col) of the image."""
    for number, (x, y) in enumerate(on_screen(page, *places)):
        page.mouse.move(x, y, steps=steps)
        if not number:
            page.mouse.down()
    page.mouse.up()


def drag_by(pointer: str, page: Any, *places: tuple[float, float]) -> None:
    """Draw by a pen or a finger, a long step at a time."""
    session = page.context.new_cdp_session(page)
    kinds = {"pen": ("mousePressed", "mouseMoved", "mouseReleased")}.get(
        pointer, ("touchStart", "touchMove", "touchEnd")
    )
    found = on_screen(page, *places)
    for kind, (x, y) in zip((kinds[0], *[kinds[1]] * (len(found) - 1)), found, strict=True):
        send(session, pointer, kind, x, y)
    send(session, pointer, kinds[2], *found[-1])


def send(session: Any, pointer: str, kind: str, x: float, y: float) -> None:
    if pointer == "pen":
        told = {"x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen"}
        session.send("Input.dispatchMouseEvent", {"type": kind, **told})
    else:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_tap_with_the_scribble_tool_is_a_dot_of_its_width(page: Any, tmp_path: Path) -> None:
    page.locator("#width").fill("12")
    page.keyboard.press("Tab")
    page.locator("#ink").focus()
    page.keyboard.press("2")
    click(page, 50, 60)
    click(page, -5, 60)  # beside the image
    (dot,) = marks(page, tmp_path / "skin")
    assert isinstance(dot, Points)
    assert dot.radius == 6
    assert dot.at[0] == pytest.approx((50, 60), abs=0.5)


def test_a_scribble_begun_outside_begins_at_the_edge(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("2")
    drag(page, (-10, 40), (-10, 80), (-6, 90))  # never inside
    drag(page, (-8, 20), (-8, 100), (30, 100))
    (line,) = marks(page, tmp_path / "skin")
    assert isinstance(line, Scribble)
    assert line.path[0] == pytest.approx((-0.5, 100), abs=2), "not along the edge from where it was pressed"
    assert line.path[-1] == pytest.approx((30, 100), abs=1)


@pytest.mark.parametrize("pointer", ["mouse", "pen", "finger"])
def test_a_scribble_ends_where_it_leaves_the_image_and_another_begins_where_it_comes_back(
    pointer: str, page: Any, tmp_path: Path
) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("2")
    way = (40, 60), (20, 60), (-10, 60), (-10, 120), (20, 120), (40, 120)
    if pointer == "mouse":
        drag(page, *way)
    else:
        drag_by(pointer, page, *way)
    out, back = marks(page, tmp_path / "skin")
    assert isinstance(out, Scribble)
    assert isinstance(back, Scribble)
    assert out.path[0] == pytest.approx((40, 60), abs=1)
    assert out.path[-1] == pytest.approx((-0.5, 60), abs=0.6)
    assert back.path[0] == pytest.approx((-0.5, 120), abs=0.6)
    assert back.path[-1] == pytest.approx((40, 120), abs=1)
    assert {round(col) for path in (out.path, back.path) for _, col in path} <= {59, 60, 61, 119, 120, 121}
    page.keyboard.press("Control+z")
    assert marks(page, tmp_path / "skin") == [out], "one undo takes back one part"


def test_a_fast_scribble_crosses_the_border_on_its_straight_way(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("2")
    drag(page, (20, 20), (60, -20), (100, 20), (160, 80), steps=1)
    drag(page, (-10, 152), (30, 212), steps=1)  # across a corner
    first, second, across = marks(page, tmp_path / "skin")
    corners = {
        first: ((20, 20), (40.5, -0.5)),
        second: ((79.5, -0.5), (143.5, 63.5)),
        across: ((-0.5, 166.25), (16.33, 191.5)),
    }
    for line, (begin, end) in corners.items():
        assert line.path[0] == pytest.approx(begin, abs=0.6)
        assert line.path[-1] == pytest.approx(end, abs=0.6)


def test_a_box_is_drawn_on_beyond_the_image(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("3")
    drag(page, (50, 60), (-10, 120), (160, 120))
    (box,) = marks(page, tmp_path / "skin")
    assert isinstance(box, Box)
    assert (box.bottom, round(box.left), round(box.right)) == (HEIGHT, 60, 121)


def test_a_double_click_is_one_mark(page: Any, tmp_path: Path) -> None:
    for _ in range(2):
        click(page, 50, 60)
    page.wait_for_timeout(600)
    click(page, 50, 60)  # on purpose
    click(page, 50, 60, "right")  # of another class
    assert [mark.label for mark in marks(page, tmp_path / "skin")] == [1, 1, 0]


def test_what_was_taken_back_may_be_drawn_again_at_once(page: Any, tmp_path: Path) -> None:
    click(page, 50, 60)
    page.keyboard.press("Control+z")
    click(page, 50, 60)
    assert len(marks(page, tmp_path / "skin")) == 1


def test_four_ends_clicked_with_the_box_tool_are_extreme_points(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("3")
    click(page, 50, 90)  # right
    click(page, 50, 90)  # a double click
    click(page, 20, 60)  # top
    sync_api.expect(page.locator("#tip")).to_contain_text("2 of its 4 ends")
    click(page, 66, 66)  # taken back
    page.locator("#undo").click()
    click(page, 70, 55)  # bottom
    assert marks(page, tmp_path / "skin") == []
    click(page, 45, 30)  # left
    sync_api.expect(page.locator("#tip")).to_be_hidden()
    (ends,) = marks(page, tmp_path / "skin")
    assert isinstance(ends, ExtremePoints)
    np.testing.assert_allclose(ends.at, [(20, 60), (45, 30), (70, 55), (50, 90)], atol=0.5)
    page.keyboard.press("Control+z")
    assert marks(page, tmp_path / "skin") == []


def test_ends_are_dropped_by_escape_by_another_tool_and_by_a_box(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("3")
    for drop in ("Escape", "1"):
        click(page, 20, 60)
        page.keyboard.press(drop)
        sync_api.expect(page.locator("#tip")).not_to_contain_text("ends")
        page.keyboard.press("3")
    click(page, 20, 60)
    drag(page, (15, 25), (75, 95))
    for place in ((50, 90), (70, 55), (45, 30)):
        click(page, *place)
    (box,) = marks(page, tmp_path / "skin")
    assert isinstance(box, Box)


def test_four_ends_teach_what_the_object_looks_like(page: Any, tmp_path: Path) -> None:
    page.locator("#ink").focus()
    page.keyboard.press("3")
    for place in ((10, 60), (60, 15), (85, 60), (60, 110)):
        click(page, *place)
    until_saved(page)
    sync_api.expect(page.locator("#overlay-state")).to_contain_text("by classifier")


def step(page: Any, key: str, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(f"Shift+Arrow{key}")


def test_boxes_and_scribbles_are_drawn_without_a_pointer(page: Any, tmp_path: Path) -> None:
    spoken = page.locator("#spoken")
    area = page.locator("#ink").bounding_box()
    pixel = 10 / min(area["width"] / WIDTH, area["height"] / HEIGHT)  # of one press
    row, col = HEIGHT / 2 - 0.5, WIDTH / 2 - 0.5
    page.locator("#ink").focus()
    page.keyboard.press("3")
    page.keyboard.press("k")
    sync_api.expect(spoken).to_contain_text("Enter begins and ends a mark of foreground")
    page.keyboard.press("Enter")
    sync_api.expect(spoken).to_contain_text("box of foreground begun at row")
    sync_api.expect(page.locator("#tip")).to_be_hidden()
    step(page, "Right", 6)
    step(page, "Down", 4)
    page.keyboard.press("Enter")
    sync_api.expect(spoken).to_contain_text("box ended at row")
    page.keyboard.press("2")
    sync_api.expect(page.locator("#by-keyboard")).to_be_visible()
    page.keyboard.press("Enter")
    step(page, "Up", 3)
    page.keyboard.press("Escape")
    sync_api.expect(spoken).to_have_text("dropped")
    sync_api.expect(page.locator("#by-keyboard")).to_be_visible()
    page.keyboard.press("b")
    sync_api.expect(spoken).to_contain_text("scribble of background begun")
    step(page, "Left", 5)
    step(page, "Down", 2)
    page.keyboard.press("b")
    sync_api.expect(spoken).to_contain_text("scribble ended at row")
    box, line = marks(page, tmp_path / "skin")
    assert isinstance(box, Box)
    assert box.label == 1
    edges = (row, col, row + 4 * pixel, col + 6 * pixel)
    assert (box.top, box.left, box.bottom, box.right) == pytest.approx(edges, abs=1.5)
    assert isinstance(line, Scribble)
    assert line.label == 0
    start, end = (row + pixel, col + 6 * pixel), (row + 3 * pixel, col + pixel)
    assert line.path[0] == pytest.approx(start, abs=1)
    assert line.path[-1] == pytest.approx(end, abs=1)


def test_four_ends_are_marked_and_taken_back_by_keyboard(page: Any, tmp_path: Path) -> None:
    spoken = page.locator("#spoken")
    page.locator("#ink").focus()
    page.keyboard.press("3")
    page.keyboard.press("k")
    for way in (None, "Up", "Right", "Down", "Left"):
        if way:
            step(page, way, 4)
        for _ in "ab":
            page.keyboard.press("Enter")
        sync_api.expect(spoken).to_contain_text("one of the object's four ends")
        if not way:
            page.keyboard.press("Control+z")
            sync_api.expect(page.locator("#undo")).to_be_disabled()
    (found,) = marks(page, tmp_path / "skin")
    assert isinstance(found, ExtremePoints)
    page.keyboard.press("b")
    page.keyboard.press("b")
    sync_api.expect(page.locator("#toasts")).to_contain_text("never around background")
