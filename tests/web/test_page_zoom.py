"""Zooming without keys, and an overview of where one is: neither takes a click meant for the image."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, opened, serving_lesions, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_lesions(tmp_path_factory.mktemp("zoom") / "skin", 2) as found:
        yield found


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    found = opened(browser, server.address)
    problems: list[str] = []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield found
    assert not problems
    found.context.close()


def zoom(page: Any) -> int:
    page.wait_for_timeout(600)
    return int(page.locator("#zoom").inner_text().split()[0])


def test_the_zoom_is_changed_by_buttons(page: Any) -> None:
    whole = zoom(page)
    button = page.get_by_role("group", name="Zoom").get_by_role("button", name="Zoom in")
    button.focus()
    page.keyboard.press("Enter")
    near = zoom(page)
    assert near == pytest.approx(1.5 * whole, rel=0.02)
    sync_api.expect(button).to_be_focused()
    page.get_by_role("button", name="Zoom out").click()
    assert zoom(page) == pytest.approx(whole, rel=0.02)
    button.click()
    page.get_by_role("button", name="Whole image").click()
    assert zoom(page) == pytest.approx(whole, rel=0.02)


def test_the_overview_leads_elsewhere_and_marks_nothing(page: Any) -> None:
    overview, count = page.locator("#overview"), page.locator("#images [aria-current] .count")
    sync_api.expect(overview).to_be_hidden()
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
        page.wait_for_timeout(400)
    sync_api.expect(overview).to_be_visible()
    assert page.locator("#overview-picture").evaluate("one => one.complete && one.naturalWidth > 0")
    before, box = page.locator("#in-view").bounding_box(), overview.bounding_box()
    overview.click(position={"x": 30, "y": 30})
    page.wait_for_timeout(300)
    after = page.locator("#in-view").bounding_box()
    middle = after["x"] + after["width"] / 2 - box["x"], after["y"] + after["height"] / 2 - box["y"]
    assert after != before
    assert middle == pytest.approx((30, 30), abs=3)
    assert (count.text_content() or "0") == "0"
    page.mouse.click(box["x"] - 3, box["y"] + 10)  # just beside it
    sync_api.expect(count).to_have_text("1")
    until_saved(page)
    page.keyboard.press("0")
    sync_api.expect(overview).to_be_hidden()
