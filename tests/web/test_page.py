"""The page in a real browser: what is clicked is what is stored, and nothing drawn is lost."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pointillist.core.annotation import read_annotation
from pointillist.core.marks import Points
from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Ph2
from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, Server, click, come_to, draw_lesions, lesions, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    draw_lesions(tmp_path / "skin", 6)
    return tmp_path / "skin"


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    found = Server(root)
    yield found
    found.kill()


def click_both(page: Any, truth: np.ndarray, count: int, rng: np.random.Generator) -> None:
    for label, button in ((1, "left"), (0, "right")):
        places = np.argwhere(truth == label)
        for row, col in places[rng.choice(len(places), count, replace=False)]:
            click(page, row, col, button, truth.shape)


def stored(root: Path, name: str) -> list[tuple[int, float, float]]:
    project = Project(root)
    annotation = project.annotation(name)
    project.store.close()
    assert annotation is not None
    marks = [mark for mark in annotation.marks if isinstance(mark, Points)]
    return [(mark.label, *at) for mark in marks for at in mark.at]


@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_g01_a_click_is_stored_where_it_was_made(
    browser: Any, root: Path, server: Server, scale: float
) -> None:
    page = opened(browser, server.address, scale)
    wanted = [(1, 20, 30), (0, 100, 5), (1, 72, 96), (0, 140, 188), (1, 3, 100)]
    for label, row, col in wanted:
        click(page, row, col, "left" if label else "right")
    until_saved(page)
    found = stored(root, "train-00000")
    assert [label for label, _, _ in found] == [label for label, _, _ in wanted]
    np.testing.assert_allclose([at[1:] for at in found], [at[1:] for at in wanted], atol=0.5)
    page.context.close()


def test_g02_the_view_that_is_kept_tells_where_on_the_screen_a_click_was(
    browser: Any, root: Path, server: Server
) -> None:
    page = opened(browser, server.address, 2)
    page.keyboard.press("+")
    page.wait_for_timeout(600)
    box = page.locator("#ink").bounding_box()
    x, y = box["width"] / 2 + 31, box["height"] / 2 - 17
    page.mouse.click(box["x"] + x, box["y"] + y)
    until_saved(page)
    ((_, row, col),) = stored(root, "train-00000")
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        (body,) = store.execute("SELECT views.body FROM views JOIN events ON view = views.number").fetchone()
    view = json.loads(body)
    assert view["density"] == 2
    assert view["viewport"] == pytest.approx([box["width"], box["height"]], abs=1)
    again = np.array(view["origin"]) + view["scale"] * (np.array([col, row]) + 0.5)
    np.testing.assert_allclose(again, [x, y], atol=0.5)
    page.context.close()


def test_f17_what_was_drawn_while_the_server_was_dead_is_saved_when_it_is_back(
    browser: Any, root: Path, server: Server
) -> None:
    page = opened(browser, server.address)
    click(page, 72, 96)
    until_saved(page)
    server.kill()
    click(page, 10, 10, "right")
    click(page, 20, 20, "right")
    sync_api.expect(page.locator("#saved")).to_contain_text("2 kept here", timeout=30_000)
    again = Server(root, "--port", server.port, "--token", server.token)
    try:
        until_saved(page)
        assert [label for label, _, _ in stored(root, "train-00000")] == [1, 0, 0]
        page.keyboard.press("Control+z")
        until_saved(page)
        page.wait_for_timeout(300)
        assert len(stored(root, "train-00000")) == 2
        page.reload()
        until_saved(page)
        assert len(stored(root, "train-00000")) == 2
    finally:
        again.kill()
        page.context.close()


def test_f17_l12_a_new_token_while_the_page_is_open_costs_nothing(
    browser: Any, root: Path, server: Server
) -> None:
    page = opened(browser, server.address)
    click(page, 72, 96)
    until_saved(page)
    server.kill()
    again = Server(root, "--port", server.port, "--token", "another-token-than-before")
    try:
        click(page, 10, 10, "right")
        click(page, 20, 20, "right")
        sync_api.expect(page.locator("body")).to_contain_text("open the address", timeout=30_000)
        sync_api.expect(page.locator("#saved")).to_contain_text("2 kept here")
        # The new address in another tab: the browser has the new cookie, and the old tab goes on.
        other = page.context.new_page()
        other.goto(again.address)
        until_saved(other)
        until_saved(page)
        page.wait_for_timeout(500)
        assert [label for label, _, _ in stored(root, "train-00000")] == [1, 0, 0]
    finally:
        again.kill()
        page.context.close()


def test_f17_half_an_hour_offline_or_asleep_costs_nothing(browser: Any, root: Path, server: Server) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.clock.install()
    come_to(page, server.address)
    click(page, 72, 96)
    until_saved(page)
    page.context.set_offline(True)
    click(page, 10, 10, "right")
    click(page, 20, 20, "right")
    sync_api.expect(page.locator("#saved")).to_contain_text("2 kept here", timeout=30_000)
    page.clock.fast_forward("30:00")
    click(page, 30, 30, "right")
    sync_api.expect(page.locator("#saved")).to_contain_text("3 kept here", timeout=30_000)
    page.context.set_offline(False)
    until_saved(page)
    assert [label for label, _, _ in stored(root, "train-00000")] == [1, 0, 0, 0]
    page.context.close()


def test_f17_what_waited_in_a_closed_tab_is_saved_when_its_address_is_served_again(
    browser: Any, root: Path, server: Server
) -> None:
    page = opened(browser, server.address)
    context = page.context
    server.kill()
    click(page, 72, 96)
    click(page, 10, 10, "right")
    sync_api.expect(page.locator("#saved")).to_contain_text("2 kept here", timeout=30_000)
    page.close()
    for port, count in ((None, 0), (server.port, 2)):
        again = Server(root, *(("--port", port) if port else ()))
        try:
            page = context.new_page()
            come_to(page, again.address)
            sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text(str(count or ""))
            until_saved(page)
        finally:
            again.kill()
            page.close()
    assert [label for label, _, _ in stored(root, "train-00000")] == [1, 0]
    context.close()


def to_masks(browser: Any, root: Path, truths: dict[str, np.ndarray], steps: int | None = None) -> float:
    """Five clicks on each class of every image, by mouse and keys alone; train; export; compare."""
    server = Server(root, steps=steps)
    page = opened(browser, server.address)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    for number, name in enumerate(sorted(truths)):
        sync_api.expect(page.locator("#image-name")).to_have_text(name)
        click_both(page, truths[name], 5, np.random.default_rng(number))
        until_saved(page)
        sync_api.expect(page.locator("#overlay-state")).to_contain_text("classifier", timeout=30_000)
        page.keyboard.press("n")
        page.wait_for_timeout(500)
    page.get_by_role("button", name="Train", exact=True).click()
    sync_api.expect(page.locator("body")).to_contain_text("training is done", timeout=900_000)
    page.get_by_role("button", name=re.compile("Export")).click()
    sync_api.expect(page.locator("body")).to_contain_text("files", timeout=120_000)
    scores = []
    for name, truth in truths.items():
        mask = np.array(Image.open(root / "export" / "masks" / f"{name}.png"))
        scores.append(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        assert len(read_annotation(root / "export" / "annotations" / f"{name}.json").marks) == 10
    print(f"Dice of the exported masks: {np.mean(scores):.3f} ({', '.join(f'{s:.3f}' for s in scores)})")
    assert not problems
    page.context.close()
    server.kill()
    return float(np.mean(scores))


def test_from_a_folder_of_images_to_masks(browser: Any, root: Path) -> None:
    truths = {f"train-{number:05d}": truth for number, truth in enumerate(lesions(6))}
    assert to_masks(browser, root, truths, steps=60) > 0.75


def test_from_a_folder_of_photographs_of_skin_to_masks(browser: Any, ph2_root: Path, tmp_path: Path) -> None:
    data = Ph2(root=ph2_root, size=(560, 768))
    samples = [data.read(name) for name in data.names("train")[:6]]
    for sample in samples:
        write_picture(tmp_path / "skin" / f"{sample.name}.png", draw_image(sample.image))
    assert to_masks(browser, tmp_path / "skin", {one.name: one.truth() for one in samples}) > 0.75
