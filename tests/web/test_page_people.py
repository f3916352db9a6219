"""Several people on one image: what each takes back is their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointillist.web.gates import LARGEST_BODY
from pointillist.web.project import Project
from tests.web.browser import CHROMIUM, Server, click, opened, serving_lesions, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving_lesions(tmp_path / "skin", 3) as found:
        yield found


def rows(root: Path) -> list[float]:
    """Give the row of every click that is on the first image."""
    project = Project(root)
    annotation = project.annotation("train-00000")
    project.store.close()
    return [] if annotation is None else [round(mark.places[0][0]) for mark in annotation.marks]  # type: ignore[union-attr]


def test_undo_takes_back_ones_own_mark_also_after_a_reload(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    anna, bela = (opened(browser, server.address) for _ in range(2))
    for page, row in ((anna, 20), (anna, 40), (bela, 60)):
        click(page, row, 96)
        until_saved(page)
    count = anna.locator("#images [aria-current] .count")
    sync_api.expect(count).to_have_text("3")
    anna.keyboard.press("Control+z")
    sync_api.expect(count).to_have_text("2")
    until_saved(anna)
    assert rows(tmp_path / "skin") == [20, 60]
    anna.reload()
    sync_api.expect(count).to_have_text("2")
    sync_api.expect(anna.locator("#redo")).to_be_enabled()
    anna.keyboard.press("Control+z")
    sync_api.expect(count).to_have_text("1")
    sync_api.expect(anna.locator("#undo")).to_be_disabled()
    anna.keyboard.press("Control+z")
    until_saved(anna)
    assert rows(tmp_path / "skin") == [60]
    # Who has drawn nothing takes nothing back.
    carl = opened(browser, server.address)
    sync_api.expect(carl.locator("#images [aria-current] .count")).to_have_text("1")
    sync_api.expect(carl.locator("#undo")).to_be_disabled()
    sync_api.expect(carl.locator("#redo")).to_be_disabled()
    for page in (anna, bela, carl):
        page.context.close()


def test_anothers_mark_is_shown_though_ones_own_follows_at_once(browser: Any, server: Server) -> None:
    anna, bela = (opened(browser, server.address) for _ in range(2))
    for page, row in ((anna, 20), (bela, 60), (anna, 40)):
        click(page, row, 96)
    for page in (anna, bela):
        sync_api.expect(page.locator("#images [aria-current] .count")).to_have_text("3")
        page.context.close()


DRAW = """async ([image, count, places]) => {
  const { Outbox } = await import("/page/outbox.js");
  const { imagePath, post } = await import("/page/api.js");
  const sizes = [], refused = [], nothing = () => {};
  const send = (id, client, events) => {
    sizes.push(JSON.stringify(events).length);
    return post(imagePath(id, "events"), { client, events });
  };
  const tell = { changed: nothing, stored: nothing, held: nothing, away: nothing, memoryOnly: nothing };
  const box = new Outbox(send, { ...tell, refused: (id, words) => refused.push(words) });
  const place = (_, n) => [50 + 40 * Math.sin(n / 7), 60 + 50 * Math.cos(n / 9)];
  const path = Array.from({ length: places }, place);
  // It is not open yet: all of it waits, as if the server were away.
  for (let n = 0; n < count; n += 1) {
    box.put(image, { kind: "add", mark: { kind: "scribble", label: n % 2, path, width: 3 } });
  }
  await box.open("long scribbles", () => true);
  while (box.state().count > box.state().stuck) await new Promise((resolve) => setTimeout(resolve, 50));
  return [sizes, refused];
}"""


def test_hours_of_long_scribbles_are_sent_in_bodies_that_the_server_takes(
    browser: Any, server: Server, tmp_path: Path
) -> None:
    page = opened(browser, server.address)
    image = page.locator("#images button").first.get_attribute("data-id")
    sizes, refused = page.evaluate(DRAW, [image, 300, 400])
    assert refused == []
    assert 5 <= len(sizes) <= 20, "several, not one by one"
    assert max(sizes) < 0.6 * LARGEST_BODY
    # One that is too large by itself is refused in words, kept, and holds up nothing.
    sizes, refused = page.evaluate(DRAW, [image, 1, 60_000])
    (words,) = refused
    assert "at most" in words
    page.context.close()
    project = Project(tmp_path / "skin")
    assert len(project.on_image("train-00000")[0].marks) == 300
    project.store.close()
