"""Every control has a key that the help names, and nothing is changed in silence."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, HEIGHT, WIDTH, Server, come_to, opened, serving_lesions

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_lesions(tmp_path_factory.mktemp("keys") / "skin", 5) as found:
        yield found


def test_settings_training_and_export_go_by_keys(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.locator("#ink").focus()
    for key, field, value in (("w", "width", "4"), ("Shift+W", "width", "3"), ("a", "opacity", "55")):
        page.keyboard.press(key)
        sync_api.expect(page.locator(f"#{field}")).to_have_value(value)
    page.keyboard.press("b")
    page.locator("#classes [data-label='0']").click()
    page.keyboard.press("Shift+Digit1")
    sync_api.expect(page.locator("#classes [data-label='1']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("t")
    sync_api.expect(page.locator("#toasts")).to_contain_text("training images must be annotated")
    page.keyboard.press("e")
    sync_api.expect(page.locator("#exported")).to_contain_text("files", timeout=30_000)
    sync_api.expect(page.locator("#toasts")).to_contain_text("Exported no mask yet")
    page.locator("#width").fill("900")
    page.keyboard.press("Tab")
    sync_api.expect(page.locator("#width")).to_have_value("200")
    sync_api.expect(page.locator("#toasts")).to_contain_text("1 to 200 pixels")
    page.locator("#ink").focus()
    page.keyboard.press("?")
    for words in ("wider scribbles", "train", "cancel the training", "export", "the class of this number"):
        sync_api.expect(page.locator("#help-keys")).to_contain_text(words)
    page.keyboard.press("?")
    sync_api.expect(page.locator("#help")).to_be_hidden()
    assert page.locator("#ink").get_attribute("aria-pressed") is None, "the image is no button"
    held_out = page.locator("#images .split:not(:empty)").first
    assert re.search("never learns from it", held_out.get_attribute("title"))
    page.context.close()


def test_the_most_useful_place_is_shown_inside_the_image(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.route("**/next", lambda route: route.fulfill(json={"row": HEIGHT - 1, "col": WIDTH - 1}))
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.wait_for_timeout(1200)
    found = re.match(r"row (\d+), column (\d+)", page.locator("#spoken").text_content())
    zoom = float(page.locator("#zoom").inner_text().split()[0]) / 100
    assert found is not None, "the middle of the stage is on the image"
    assert page.locator("#where").inner_text() == found[0], "what is read is what is read out"
    assert HEIGHT - int(found[1]) == pytest.approx(34 / zoom, abs=1.5)
    assert WIDTH - int(found[2]) == pytest.approx(34 / zoom, abs=1.5)
    page.context.close()


def test_escape_closes_what_lies_over_the_page_and_nothing_else(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.keyboard.press("k")
    page.locator("#gauge-why").click()
    sync_api.expect(page.locator("#gauge-help")).to_be_visible()
    page.keyboard.press("Escape")
    sync_api.expect(page.locator("#gauge-help")).to_be_hidden()
    sync_api.expect(page.locator("#by-keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    sync_api.expect(page.locator("#by-keyboard")).to_be_hidden()
    page.context.close()


def test_space_opens_what_is_folded_away_and_pans_elsewhere(browser: Any, server: Server) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()

    def skip_one(route: Any) -> None:
        told = route.fetch().json()
        route.fulfill(json={**told, "skipped": [{"name": "torn", "why": "it is no image"}]})

    page.route("**/api/project", skip_one)
    come_to(page, server.address)
    folded, ink = page.locator("#skipped"), page.locator("#ink")
    folded.locator("summary").focus()
    page.keyboard.press("Space")
    sync_api.expect(folded.locator("li")).to_be_visible()
    page.keyboard.press("Space")
    sync_api.expect(folded.locator("li")).to_be_hidden()
    for where, tool in (("#skipped summary", "click"), ("#downloads a", "click"), ("#ink", "pan")):
        page.locator(where).first.focus()
        page.keyboard.down("Space")
        sync_api.expect(ink).to_have_attribute("data-tool", tool)
        page.keyboard.up("Space")
    page.context.close()


def test_what_one_has_set_is_there_after_a_reload(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.locator("#opacity").fill("80")
    page.locator("#width").fill("17")
    page.reload()
    page.locator("#zoom", has_text="%").wait_for()
    sync_api.expect(page.locator("#opacity")).to_have_value("80")
    sync_api.expect(page.locator("#width")).to_have_value("17")
    # What is there may be anything, and may not be had at all.
    page.evaluate("localStorage.setItem('annotate width', '9000')")
    page.reload()
    sync_api.expect(page.locator("#width")).to_have_value("3")
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no'); } })"
    )
    page.reload()
    page.locator("#zoom", has_text="%").wait_for()
    page.keyboard.press("w")
    sync_api.expect(page.locator("#width")).to_have_value("4")
    page.context.close()


def test_a_control_that_waits_for_an_answer_keeps_the_keyboard(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    again, train, export = (page.locator(f"#{name}") for name in ("again", "train", "export"))
    for control, key in ((again, "Space"), (again, "Space"), (train, "Enter"), (export, "Enter")):
        control.focus()
        page.keyboard.press(key)
        sync_api.expect(control).to_be_enabled(timeout=30_000)
        sync_api.expect(control).to_be_focused()
    sync_api.expect(page.locator("#exported")).to_contain_text("files", timeout=30_000)
    sync_api.expect(export).to_be_focused()
    page.context.close()
