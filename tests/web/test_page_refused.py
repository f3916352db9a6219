"""What the server refuses is kept and listed, holds up nothing else, and goes when a person says so."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, click, come_to, draw_lesions, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def declare(root: Path, *classes: str) -> None:
    (root / "pointillist.yaml").write_text(json.dumps({"classes": classes}))


def stored(root: Path) -> list[int]:
    """Give the classes' numbers of the marks in the store, in their order."""
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        bodies = store.execute("SELECT body FROM events WHERE kind = 'add' ORDER BY number").fetchall()
    return [json.loads(body)["mark"]["label"] for (body,) in bodies]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    draw_lesions(tmp_path / "skin", 2)
    declare(tmp_path / "skin", "background", "lesion", "hair")
    return tmp_path / "skin"


@pytest.fixture
def restart(root: Path) -> Iterator[Callable[[], Server]]:
    """Begin the server, again at the same address."""
    servers: list[Server] = []

    def one() -> Server:
        flags = ()
        if servers:
            servers[-1].kill()
            flags = ("--port", servers[-1].port, "--token", servers[-1].token)
        servers.append(Server(root, *flags))
        return servers[-1]

    yield one
    servers[-1].kill()


def test_l10_a_mark_on_a_class_that_has_gone_waits_alone_until_it_is_discarded(
    browser: Any, root: Path, restart: Callable[[], Server]
) -> None:
    server = restart()
    page = opened(browser, server.address)
    server.kill()
    page.locator("#classes [data-label='2']").click()
    click(page, 20, 20)
    page.locator("#classes [data-label='1']").click()
    for col in range(30, 80, 10):
        click(page, 72, col)
    sync_api.expect(page.locator("#saved")).to_contain_text("6 kept here", timeout=30_000)
    declare(root, "background", "lesion")
    restart()
    count, saved, listed = (page.locator(f"{of}") for of in ("[aria-current] .count", "#saved", "#refused"))
    for _ in range(2):
        sync_api.expect(saved).to_have_text("1 not taken", timeout=30_000)
        sync_api.expect(count).to_have_text("5")
        sync_api.expect(page.locator("#notice")).to_be_hidden()
        sync_api.expect(listed.locator("summary")).to_have_text("Not taken: 1 mark of hair")
        sync_api.expect(listed.locator("li")).to_contain_text("one on 'hair'")
        assert stored(root) == [1] * 5
        come_to(page, page.url.partition("#")[0])  # in this browser it waits over a reload, too
    click(page, 100, 100)
    sync_api.expect(count).to_have_text("6")
    listed.locator("summary").click()
    page.once("dialog", lambda dialog: dialog.dismiss())
    listed.get_by_text("Discard").click()
    sync_api.expect(saved).to_have_text("1 not taken")
    page.once("dialog", lambda dialog: dialog.accept())
    listed.get_by_text("Discard").click()
    until_saved(page)
    sync_api.expect(listed).to_be_hidden()
    page.reload()
    until_saved(page)
    page.wait_for_timeout(500)
    assert stored(root) == [1] * 6
    page.context.close()


def test_l10_what_was_refused_is_sent_when_its_class_is_back(
    browser: Any, root: Path, restart: Callable[[], Server]
) -> None:
    server = restart()
    page = opened(browser, server.address)
    server.kill()
    page.locator("#classes [data-label='2']").click()
    click(page, 20, 20)
    click(page, 40, 40)
    page.keyboard.press("Control+z")
    sync_api.expect(page.locator("#saved")).to_contain_text("3 kept here", timeout=30_000)
    declare(root, "background", "lesion")
    restart()
    sync_api.expect(page.locator("#saved")).to_have_text("3 not taken", timeout=30_000)
    declare(root, "background", "hair", "lesion")
    restart()
    page.locator("#refused summary").click()
    page.locator("#refused").get_by_text("Send again").first.click()
    until_saved(page)
    page.reload()
    sync_api.expect(page.locator("[aria-current] .count")).to_have_text("1")
    assert stored(root) == [2, 2]
    page.context.close()
