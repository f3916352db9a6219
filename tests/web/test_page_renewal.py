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
