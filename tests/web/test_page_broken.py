"""Images that can't be read: the page says why, takes no marks there, and goes on with the others."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, HEIGHT, WIDTH, Server, click, draw_lesions, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))


def cmyk(path: Path) -> None:
    noise().convert("CMYK").save(path.with_suffix(".jpg"))


def pages(path: Path) -> None:
    noise().save(path.with_suffix(".tif"), save_all=True, append_images=[noise()])


def torn(path: Path) -> None:
    buffer = io.BytesIO()
    noise().save(buffer, format="png")
    path.with_suffix(".png").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def reals(path: Path) -> None:
    tifffile.imwrite(path.with_suffix(".tif"), np.full((HEIGHT, WIDTH), 700.0, np.float32))


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "CMYK": (cmyk, "grey or RGB"),
    "pages": (pages, "one picture"),
    "torn": (torn, "must be whole"),
    "reals": (reals, "value_range"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    draw_lesions(tmp_path / "skin", 3)
    return tmp_path / "skin"


@pytest.fixture
def start(root: Path) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def one() -> Server:
        started.append(Server(root))
        return started[-1]

    yield one
    for server in started:
        server.kill()


def count_marks(root: Path) -> int:
    project = Project(root)
    total = sum(project.store.counts().values())
    project.store.close()
    return total


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_an_image_that_cant_be_read_says_why_and_is_left_in_peace(
    browser: Any, root: Path, start: Callable[[], Server], kind: str
) -> None:
    draw, words = BROKEN[kind]
    draw(root / "images" / "a-broken")  # the first of the list
    server = start()
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/tiles/" in request.url else None)
    page.goto(server.address)
    notice = page.locator("#notice")
    sync_api.expect(notice).to_contain_text("a-broken can't be read:", timeout=20_000)
    sync_api.expect(notice).to_contain_text(re.compile(words))
    row = page.locator("#images li").first.get_by_role("button")
    sync_api.expect(row).to_contain_text("can't be read")
    sync_api.expect(row).to_have_attribute("aria-label", re.compile(words))
    page.mouse.click(500, 400)
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    sync_api.expect(page.locator("#saved")).to_have_text("saved")
    # The way out is open, and nothing is asked of it any more.
    page.keyboard.press("n")
    page.locator("#zoom", has_text="%").wait_for()
    sync_api.expect(notice).to_be_hidden()
    page.wait_for_timeout(400)
    broken_key = row.get_attribute("data-id")
    before = sum(broken_key in url for url in asked)
    click(page, 72, 96)
    until_saved(page)
    page.wait_for_timeout(6000)
    assert sum(broken_key in url for url in asked) - before <= 1
    assert count_marks(root) == 1
    for _ in range(3):
        page.keyboard.press("Shift+J")
        page.wait_for_timeout(600)
        assert page.locator("#image-name").inner_text() != "a-broken"
    page.context.close()


def test_marks_on_an_image_that_goes_away_wait_and_hold_up_no_others(
    browser: Any, root: Path, start: Callable[[], Server]
) -> None:
    path, away = root / "images" / "train-00000.png", root / "away.png"
    server = start()
    page = opened(browser, server.address)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    path.rename(away)
    click(page, 72, 96)
    sync_api.expect(page.locator("#saved")).to_have_text("1 not taken", timeout=20_000)
    sync_api.expect(page.locator("#toasts")).to_contain_text("1 mark not taken, kept here:")
    sync_api.expect(page.locator("#notice")).to_contain_text("train-00000 can't be read:")
    page.keyboard.press("n")
    page.locator("#zoom", has_text="%").wait_for()
    page.wait_for_timeout(400)
    click(page, 72, 96)
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    sync_api.expect(page.locator("#saved")).to_have_text("1 not taken")
    assert count_marks(root) == 1
    page.wait_for_timeout(3000)
    assert len(posts) == 2, "one for each image, and none again"
    # Put back and opened again, it takes what waited, over a reload too.
    away.rename(path)
    page.keyboard.press("p")
    until_saved(page)
    sync_api.expect(page.locator("#notice")).to_be_hidden()
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    assert count_marks(root) == 2
    page.context.close()


def test_marks_on_an_image_that_does_not_come_back_can_be_discarded(
    browser: Any, root: Path, start: Callable[[], Server]
) -> None:
    path = root / "images" / "train-00000.png"
    server = start()
    page = opened(browser, server.address)
    page.on("dialog", lambda dialog: dialog.accept())
    path.unlink()
    click(page, 72, 96)
    listed, saved = page.locator("#refused"), page.locator("#saved")
    sync_api.expect(saved).to_have_text("1 not taken", timeout=20_000)
    listed.locator("summary").click()
    sync_api.expect(listed.locator("li")).to_contain_text("train-00000, 1 mark of foreground: ")
    listed.get_by_text("Send again").click()
    page.wait_for_timeout(500)
    sync_api.expect(saved).to_have_text("1 not taken")
    # Looked for anew, the folder has two images, and what waits belongs to none of them.
    page.reload()
    sync_api.expect(page.locator("#images li")).to_have_count(2)
    sync_api.expect(saved).to_have_text("1 not taken")
    sync_api.expect(page.locator("#toasts")).to_contain_text("1 mark kept here")
    listed.locator("summary").click()
    sync_api.expect(listed.locator("li")).to_contain_text("an image that has gone, 1 mark of foreground")
    sync_api.expect(listed.get_by_text("Send again")).to_have_count(0)
    listed.get_by_text("Discard").click()
    until_saved(page)
    sync_api.expect(listed).to_be_hidden()
    page.reload()
    until_saved(page)
    sync_api.expect(page.locator("#toasts")).to_be_empty()
    page.context.close()


def test_f19_a_file_that_was_replaced_is_shown_anew_and_nothing_is_marked_on_what_was_there(
    browser: Any, root: Path, start: Callable[[], Server]
) -> None:
    path, server = root / "images" / "train-00000.png", start()
    page = opened(browser, server.address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/tiles/" in request.url else None)
    with Image.open(path) as image:
        mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(path)
    click(page, 72, 96)
    sync_api.expect(page.locator("#toasts")).to_contain_text("one that was put in its place since")
    page.locator("#zoom", has_text="%").wait_for()
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("")
    page.wait_for_timeout(500)
    assert count_marks(root) == 0
    assert asked, "the new file's tiles"
    click(page, 72, 96)
    sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("1")
    sync_api.expect(page.locator("#saved")).to_have_text("1 not taken")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#refused summary").click()
    page.locator("#refused").get_by_text("Discard").click()
    until_saved(page)
    page.reload()
    until_saved(page)
    assert count_marks(root) == 1
    page.context.close()


def test_nothing_is_marked_before_the_image_is_seen(
    browser: Any, root: Path, start: Callable[[], Server]
) -> None:
    page = opened(browser, start().address)
    page.route("**/tiles/**", lambda route: route.abort())
    page.keyboard.press("n")
    sync_api.expect(page.locator("#image-name")).to_have_text("train-00001")
    page.mouse.click(500, 400)
    sync_api.expect(page.locator("#toasts")).to_contain_text("before the image is here")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    page.wait_for_timeout(300)
    assert count_marks(root) == 0
    page.unroute("**/tiles/**")
    click(page, 72, 96)
    until_saved(page)
    assert count_marks(root) == 1
    page.context.close()


def test_the_list_and_the_export_tell_of_images_that_can_not_be_shown(
    browser: Any, root: Path, start: Callable[[], Server]
) -> None:
    (root / "images" / "nothing.png").write_bytes(b"no image")
    page = opened(browser, start().address)
    told = page.locator("#skipped")
    sync_api.expect(told.locator("summary")).to_have_text("1 more can't be shown")
    told.locator("summary").click()
    sync_api.expect(told.locator("li")).to_contain_text("nothing: an image must be PNG")
    page.locator("#export").click()
    told = page.locator("#left-out")
    sync_api.expect(told.locator("summary")).to_have_text("1 not exported whole", timeout=30_000)
    told.locator("summary").click()
    sync_api.expect(told.locator("li")).to_contain_text("nothing: an image must be PNG")
    page.context.close()
