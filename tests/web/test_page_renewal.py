"""Pages load themselves when the folder holds something else: as often as someone looks, and in no stroke."""

import threading
from pathlib import Path
from typing import Any

import pytest

from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, Server, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def add_images(root: Path, ended: threading.Event) -> None:
    """Copy images into the folder, one after the other, until it is enough."""
    picture = (root / "images" / "train-00000.png").read_bytes()
    for number in range(1000):
        (root / "images" / f"more-{number:03}.png").write_bytes(picture)
        if ended.wait(0.1):
            return


def test_pages_do_not_make_each_other_load_while_images_are_copied_into_the_folder(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page, other = opened(browser, server.address), opened(browser, server.address)
    loads: list[str] = []
    page.on("load", lambda: loads.append("again"))
    ended = threading.Event()
    copying = threading.Thread(target=add_images, args=(tmp_path / "skin", ended))
    copying.start()
    try:
        page.wait_for_timeout(300)
        other.reload()
        for one in (page, other):
            one.locator("#images .name", has_text="more-000").wait_for()
        page.wait_for_timeout(4000)
        assert loads == ["again"], "once, for the one who looked"
    finally:
        ended.set()
        copying.join()
    count = len(list((tmp_path / "skin" / "images").iterdir()))
    page.reload()
    sync_api.expect(page.locator("#images button")).to_have_count(count)
    for one in (page, other):
        one.context.close()


def in_view(page: Any) -> tuple[Any, ...]:
    """Say what the overview shows of the view's place, and which layers are shown."""
    page.wait_for_timeout(600)
    overview = page.locator("#overview").bounding_box()
    view = page.locator("#in-view").bounding_box()
    place = view["x"] - overview["x"], view["y"] - overview["y"], view["width"], view["height"]
    pressed = [
        page.locator(f"#{name}").get_attribute("aria-pressed")
        for name in ("show-overlay", "show-marks", "panels")
    ]
    return place, page.locator("#zoom").inner_text(), pressed


def test_a_page_that_loads_itself_shows_the_same_place_and_layers_and_a_persons_reload_the_whole(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page, other = opened(browser, server.address), opened(browser, server.address)
    whole = page.locator("#zoom").inner_text()
    page.locator("#images button").nth(1).click()
    page.wait_for_timeout(800)
    for key in ("o", "m", "f"):
        page.keyboard.press(key)
    page.mouse.move(300, 200)
    for _ in range(4):
        page.mouse.wheel(0, -200)
    place, zoom, pressed = in_view(page)
    assert pressed == ["false", "false", "true"]
    declared = "classes: [background, lesion]\nrenamed: {foreground: lesion}\n"
    (tmp_path / "skin" / "pointillist.yaml").write_text(declared)
    with page.expect_event("load", timeout=60_000):
        other.reload()
    page.locator("#zoom", has_text=zoom).wait_for()
    again = in_view(page)
    assert again[1:] == (zoom, pressed)
    assert again[0] == pytest.approx(place, abs=1)
    page.reload()
    page.locator("#zoom", has_text=whole).wait_for()
    assert page.locator("#panels").get_attribute("aria-pressed") == "false"
    for one in (page, other):
        one.context.close()


def test_a_stroke_is_drawn_to_its_end_before_the_page_loads_itself(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page, other = opened(browser, server.address), opened(browser, server.address)
    box = page.locator("#ink").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("2")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    declared = "classes: [background, lesion]\nrenamed: {foreground: lesion}\n"
    (tmp_path / "skin" / "pointillist.yaml").write_text(declared)
    other.reload()
    other.locator("#classes .name", has_text="lesion").wait_for()
    page.wait_for_timeout(1000)
    page.mouse.move(x + 60, y + 60, steps=4)
    page.mouse.up()
    page.locator("#classes .name", has_text="lesion").wait_for()
    until_saved(page)
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    project = Project(tmp_path / "skin")
    annotation = project.annotation("train-00000")
    project.store.close()
    assert annotation is not None
    (line,) = annotation.marks
    assert line.kind == "scribble"
    assert len(line.path) > 5, "all of it"
    for one in (page, other):
        one.context.close()
