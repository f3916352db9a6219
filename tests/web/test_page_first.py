"""What a beginner sees first: what a click does, out of its way and gone once it is known."""

from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, click, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def test_the_first_words_go_with_the_first_mark(browser: Any, server: Server) -> None:
    # So low that the image has all of the height.
    page = opened(browser, server.address, viewport={"width": 1280, "height": 640})
    tip = page.locator("#tip")
    sync_api.expect(tip).to_have_text("Left click: object. Right click: background.")
    box = tip.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # through it
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    sync_api.expect(tip).to_be_hidden()
    until_saved(page)
    page.keyboard.press("n")  # an image without marks
    sync_api.expect(page.locator("#image-name")).to_have_text("train-00001")
    page.reload()
    page.locator("#zoom", has_text="%").wait_for()
    page.wait_for_timeout(300)
    sync_api.expect(tip).to_be_hidden()
    page.context.close()


def test_an_image_with_marks_needs_no_words(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    click(page, 70, 90)
    until_saved(page)
    page.context.close()
    page = opened(browser, server.address)
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    sync_api.expect(page.locator("#tip")).to_be_hidden()
    page.keyboard.press("n")
    sync_api.expect(page.locator("#tip")).to_be_visible()
    page.context.close()
