"""The page waits for an export as long as the server is there, and says in words what became of it."""

from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, come_to

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def test_a_long_export_is_waited_for_while_the_server_is_there(browser: Any, server: Server) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.clock.install()
    held: list[Any] = []
    page.route("**/api/export", lambda route: held.append(route))
    come_to(page, server.address)
    exported, button, toasts = (page.locator(f"#{name}") for name in ("exported", "export", "toasts"))

    def begin() -> Any:
        button.click()
        sync_api.expect(exported).to_have_text("writing…")
        page.clock.run_for(1000)
        return held.pop()

    waiting = begin()
    for _ in range(3):
        page.clock.fast_forward(300_000)
        page.wait_for_timeout(300)
    sync_api.expect(exported).to_have_text("writing…")
    waiting.fulfill(
        body='  {"folder": "/x", "files": 7, "masks": 2, "skipped": []}', content_type="application/json"
    )
    sync_api.expect(exported).to_contain_text("7 files, 2 masks")

    begin().fulfill(body='  {"error": "the disk is full"}', content_type="application/json")
    sync_api.expect(toasts).to_contain_text("the disk is full")
    sync_api.expect(exported).to_have_text("")

    begin()
    server.kill()
    for _ in range(2):
        page.clock.fast_forward(20_000)
        page.wait_for_timeout(300)
    sync_api.expect(toasts).to_contain_text("It may go on with this all the same")
    sync_api.expect(button).to_be_enabled()
    page.context.close()
