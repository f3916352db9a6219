"""Classes are named, coloured and added on the page, and what was drawn stays on them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.web.browser import (
    CHROMIUM,
    HEIGHT,
    WIDTH,
    Server,
    click,
    draw_lesions,
    opened,
    until_saved,
)

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def names(page: Any) -> list[str]:
    return page.locator("#classes .name").all_inner_texts()  # type: ignore[no-any-return]


def test_classes_are_changed_in_a_dialog_and_every_page_follows(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page, other = opened(browser, server.address), opened(browser, server.address)
    click(page, 70, 95)
    until_saved(page)
    page.locator("#classes-edit").click()
    rows = page.locator("#class-rows li")
    assert rows.locator("input[type=text]").nth(1).input_value() == "foreground"
    rows.nth(1).locator("input[type=text]").fill("lesion")
    rows.nth(1).locator("input[type=color]").fill("#ff8800")
    page.locator("#class-add").click()
    page.keyboard.type("1 hair")  # No key of the page's own does anything meanwhile.
    page.locator("#class-save").click()
    for one in (page, other):
        one.locator("#classes .name", has_text="1 hair").wait_for()
        one.locator("#zoom", has_text="%").wait_for()
        assert names(one) == ["lesion", "1 hair", "background"]
    swatch = page.locator("#classes .swatch").first
    assert swatch.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 136, 0)"
    sync_api.expect(page.locator("#images .count").first).to_contain_text("1")
    page.keyboard.press("Shift+Digit2")
    click(page, 80, 105)
    until_saved(page)
    declared = yaml.safe_load((tmp_path / "skin" / "pointillist.yaml").read_text())
    assert declared["classes"] == ["background", "lesion", "1 hair"]
    told = page.evaluate("fetch('/api/marks.csv').then(answer => answer.text())")
    assert re.findall(r",(lesion|1 hair),", told) == ["lesion", "1 hair"]


# The colour of a dot beside its sign, with the whole image in view and nothing but marks shown.
DRAWN = """([row, col, height, width]) => {
  const ink = document.getElementById("ink");
  const scale = Math.min(ink.width / width, ink.height / height);
  const x = ink.width / 2 + (col + 0.5 - width / 2) * scale - 3;
  const y = ink.height / 2 + (row + 0.5 - height / 2) * scale;
  const [red, green, blue] = ink.getContext("2d").getImageData(x, y, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}"""


def shown(page: Any, row: int, col: int) -> str:
    """Name the class in whose colour a mark is shown."""
    colours = {
        one.locator(".swatch").evaluate("one => getComputedStyle(one).backgroundColor"): name
        for one, name in zip(page.locator("#classes button").all(), names(page), strict=True)
    }
    page.wait_for_timeout(300)
    found: str = page.evaluate(DRAWN, [row, col, HEIGHT, WIDTH])
    return colours.get(found, found)


@pytest.fixture
def of_three(tmp_path: Path) -> Iterator[tuple[Path, Server]]:
    root = tmp_path / "three"
    draw_lesions(root, 2)
    (root / "pointillist.yaml").write_text("classes: [background, nevus, hair]\n")
    found = Server(root)
    yield root, found
    found.kill()


def test_l10_a_page_of_before_shows_the_classes_with_which_the_server_was_begun_again(
    browser: Any, of_three: tuple[Path, Server]
) -> None:
    root, server = of_three
    page = opened(browser, server.address)
    page.keyboard.press("o")  # the marks alone
    click(page, 70, 95)
    until_saved(page)
    server.kill()
    click(page, 30, 40)
    sync_api.expect(page.locator("#saved")).to_contain_text("1 kept here", timeout=30_000)
    (root / "pointillist.yaml").write_text("classes: [background, hair, nevus]\n")
    page.route("**/events", lambda route: route.abort())  # What waits is seen before it is sent.
    again = Server(root, "--port", server.port, "--token", server.token)
    try:
        page.locator("#classes .name").first.get_by_text("hair").wait_for(timeout=30_000)
        page.locator("#zoom", has_text="%").wait_for()
        page.keyboard.press("o")
        assert [shown(page, *at) for at in ((70, 95), (30, 40))] == ["nevus", "nevus"]
        page.unroute("**/events")
        until_saved(page)
        assert shown(page, 30, 40) == "nevus"
        told = page.evaluate("fetch('/api/marks.csv').then(answer => answer.text())")
        assert re.findall(r",(nevus|hair),", told) == ["nevus", "nevus"]
    finally:
        again.kill()


def chosen(page: Any) -> list[str]:
    """Give the tool and the class of the next mark."""
    page.locator("#zoom", has_text="%").wait_for()
    found = [page.locator(f"{where} [aria-pressed=true]") for where in ("[aria-label=Tools]", "#classes")]
    tool, label = (one.locator("span:not(.swatch)").inner_text() for one in found)
    return [tool, label]


def test_who_has_chosen_a_tool_and_a_class_has_them_still_when_the_page_loads_itself(
    browser: Any, of_three: tuple[Path, Server]
) -> None:
    root, server = of_three
    page, other = opened(browser, server.address), opened(browser, server.address)
    page.keyboard.press("3")
    page.keyboard.press("Shift+Digit2")
    assert chosen(page) == ["Box", "hair"]
    declared = "classes: [background, skin, vellus, nevus]\nrenamed: {hair: vellus}\n"
    (root / "pointillist.yaml").write_text(declared)
    other.reload()
    for one in (page, other):
        one.locator("#classes .name", has_text="vellus").wait_for()
    assert chosen(page) == ["Box", "vellus"]
    assert chosen(other) == ["Click", "nevus"], "what nobody has chosen yet stays, too"
    page.context.close()
    other.context.close()


def test_what_another_draws_after_the_classes_were_changed_is_seen(browser: Any, server: Server) -> None:
    page, other = opened(browser, server.address), opened(browser, server.address)
    for number, name in enumerate(("one", "two", "three")):
        page.locator("#classes-edit").click()
        page.locator("#class-add").click()
        page.keyboard.type(name)
        page.locator("#class-save").click()
        for one in (page, other):
            one.locator("#classes .name", has_text=name).wait_for()
            one.locator("#zoom", has_text="%").wait_for()
        click(page, 70, 60 + 10 * number)
        sync_api.expect(other.locator("#images [aria-current] .count")).to_have_text(str(number + 1))


def test_what_can_not_be_is_said_in_the_dialog_and_nothing_is_changed(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.locator("#classes-edit").click()
    page.locator("#class-add").click()
    page.locator("#class-save").click()
    wrong = page.locator("#class-wrong")
    sync_api.expect(wrong).to_have_text("Every class needs a name.")
    field = page.locator("#class-rows input[type=text]").last
    for name, words in (("foreground", "Two classes"), ("void", "must differ")):
        field.fill(name)
        page.keyboard.press("Enter")
        sync_api.expect(wrong).to_contain_text(words)
    page.locator("#class-rows button").click()
    page.locator("#class-editor button", has_text="Cancel").click()
    sync_api.expect(page.locator("#class-editor")).to_be_hidden()
    assert names(page) == ["foreground", "background"]


def test_what_was_exported_can_be_downloaded(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    click(page, 70, 95)
    until_saved(page)
    with page.expect_download() as table:
        page.locator("#downloads a").first.click()
    assert table.value.suggested_filename == "marks.csv"
    assert len(Path(table.value.path()).read_text().splitlines()) == 2
    page.locator("#export").click()
    with page.expect_download() as archive:
        page.locator("#download-export a").click()
    assert Path(archive.value.path()).read_bytes()[:2] == b"PK"
