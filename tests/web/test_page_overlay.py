"""The segmentation in the page follows each click, also one that comes while another is answered."""

from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, click, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def test_the_second_class_is_answered_at_once_though_it_came_while_nothing_was_on_its_way(
    browser: Any, server: Server
) -> None:
    page = opened(browser, server.address)
    # What the server tells meanwhile may wake the page by chance.
    page.add_init_script("globalThis.EventSource = class { close() {} };")
    page.reload()
    state = page.locator("#overlay-state")
    sync_api.expect(state).to_have_text("none yet: it takes marks on two classes")
    held: list[Any] = []
    page.route("**/overlay?*", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/overlay?*"):
        click(page, 72, 96)
    page.wait_for_timeout(100)
    (first,) = held
    nothing = first.fetch()
    assert nothing.headers["x-why"] == "nothing"
    click(page, 10, 10, "right")
    until_saved(page)
    first.fulfill(response=nothing)
    sync_api.expect(state).to_have_text("by classifier", timeout=4000)  # it asks again by itself after 5 s
    page.context.close()
