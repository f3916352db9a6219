"""One image is left for another while answers about either are on their way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, click, opened, serving_lesions, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

SLOWLY = """([path, before, after]) => {
  const [once, wait] = [fetch, (time) => new Promise((resolve) => setTimeout(resolve, time))];
  window.fetch = async (address, options) => {
    const slow = String(address).includes(path);
    if (slow) await wait(before);
    const answer = await once(address, options);
    if (slow) await wait(after);
    return answer;
  };
}"""
"""Lets a page wait for some answers, as on a slow line: milliseconds before and after they are asked for."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving_lesions(tmp_path / "skin", 3) as found:
        yield found


def slowly(page: Any, path: str, before: int, after: int = 0) -> None:
    page.evaluate(SLOWLY, [path, before, after])


def test_marks_of_the_image_that_is_left_are_not_shown_on_the_next(browser: Any, server: Server) -> None:
    anna, bela = (opened(browser, server.address) for _ in range(2))
    rows = anna.locator("#images button")
    first, second = (rows.nth(n).get_attribute("data-id") for n in range(2))
    slowly(anna, f"{second}/size", 1500)
    slowly(anna, f"{first}/marks", 0, 1500)
    anna.keyboard.press("n")
    click(bela, 50, 60)
    until_saved(bela)
    sync_api.expect(anna.locator("#image-name")).to_have_text("train-00001")
    sync_api.expect(rows.nth(0).locator(".count")).to_have_text("1")
    sync_api.expect(rows.nth(1).locator(".count")).to_have_text("")
    for page in (anna, bela):
        page.context.close()


def test_who_steps_on_and_back_at_once_stays_on_the_image(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    slowly(page, "/size", 500)
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.wait_for_timeout(1500)
    sync_api.expect(page.locator("#image-name")).to_have_text("train-00000")
    sync_api.expect(page.locator("#images [aria-current]")).to_contain_text("train-00000")
    click(page, 50, 60)
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    page.context.close()


def test_an_image_that_turns_out_unreadable_while_it_is_left_holds_up_no_other(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page = opened(browser, server.address)
    second = page.locator("#images button").nth(1).get_attribute("data-id")
    slowly(page, f"{second}/size", 1500)
    (tmp_path / "skin" / "images" / "train-00000.png").write_bytes(b"no image")
    click(page, 50, 60)
    page.keyboard.press("n")
    sync_api.expect(page.locator("#notice")).to_contain_text("train-00000 can't be read")
    sync_api.expect(page.locator("#image-name")).to_have_text("train-00001")
    sync_api.expect(page.locator("#notice")).to_be_hidden()
    page.context.close()


def test_the_overview_is_of_the_file_that_is_there_now(browser: Any, server: Server, tmp_path: Path) -> None:
    page = opened(browser, server.address)
    overview, picture = page.locator("#overview"), page.locator("#overview-picture")
    pictures = tmp_path / "skin" / "images"

    def seen() -> str:
        for _ in range(3):
            page.keyboard.press("+")
            page.wait_for_timeout(400)
        sync_api.expect(overview).to_be_visible()
        return str(picture.get_attribute("src"))

    before = seen()
    (pictures / "train-00000.png").write_bytes((pictures / "train-00002.png").read_bytes())
    for key, name in (("n", "train-00001"), ("p", "train-00000")):
        page.keyboard.press(key)
        sync_api.expect(page.locator("#image-name")).to_have_text(name)
        page.locator("#zoom", has_text="%").wait_for()
    assert seen() != before
    page.context.close()
