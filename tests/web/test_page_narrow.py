"""The page on phones, tablets and at 400 % zoom: the image has the width, and all controls are in reach."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, come_to, serving_lesions, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

# All that is seen: what reaches over an edge, and what is too small to be touched.
MEASURE = """() => {
  const modal = document.querySelector("dialog[open]") ?? document.body;
  const seen = [...modal.querySelectorAll("button, input, select")].filter((one) =>
    one.checkVisibility({ visibilityProperty: true }) && !one.closest("#images, #cards") &&
    (modal !== document.body || !one.closest("dialog")));
  const target = (one) => (one.closest("label.check") ?? one).getBoundingClientRect();
  return {
    over: document.documentElement.scrollWidth - innerWidth,
    beside: seen.filter((one) => target(one).left < 0 || target(one).right > innerWidth + 0.5)
      .map((one) => one.id),
    small: seen.filter((one) => Math.min(target(one).width, target(one).height) < 24)
      .map((one) => one.id),
    least: Math.min(...seen.filter((one) => one.matches(".bar button")).map((one) => one.offsetHeight)),
  };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_lesions(tmp_path_factory.mktemp("narrow") / "skin", 4) as found:
        yield found


@pytest.mark.parametrize(
    ("width", "height", "touch"),
    [(320, 200, False), (320, 640, True), (390, 844, True), (768, 1024, True), (860, 600, False)],
)
def test_the_image_has_the_width_and_the_panels_are_in_reach(
    browser: Any, server: Server, width: int, height: int, touch: bool
) -> None:
    shape = {"width": width, "height": height}
    page = browser.new_context(viewport=shape, has_touch=touch, is_mobile=touch).new_page()
    come_to(page, server.address)
    stage = page.locator("#stage").bounding_box()
    assert stage["width"] == width
    assert stage["height"] > height / 2
    press = page.tap if touch else page.click
    count = page.locator("#images [aria-current] .count")

    def measured() -> None:
        found = page.evaluate(MEASURE)
        assert found["over"] <= 0
        assert not found["beside"]
        assert not found["small"]
        assert found["least"] >= (44 if touch else 24)
        assert page.locator("#stage").bounding_box() == stage, "nothing moves"

    measured()
    for name, inside in (("list", "#look-through"), ("side", "#export")):
        sync_api.expect(page.locator(inside)).to_be_hidden()
        press(f"#open-{name}")
        sync_api.expect(page.locator(f"#open-{name}")).to_have_attribute("aria-expanded", "true")
        page.locator(inside).scroll_into_view_if_needed()
        page.locator(inside).click(trial=True)
        measured()
    # What is pressed beside the panel closes it, and marks nothing.
    before = int(count.text_content() or 0)
    if height > 200:
        at = (width / 2, stage["y"] + stage["height"] / 3)
        tapped = page.touchscreen.tap if touch else page.mouse.click
        tapped(*at)
        sync_api.expect(page.locator("#export")).to_be_hidden()
        page.wait_for_timeout(200)
        assert int(count.text_content() or 0) == before
        tapped(*at)
        sync_api.expect(count).to_have_text(str(before + 1))
        until_saved(page)
    press("#open-list")
    page.locator("#images button").nth(1).click()
    sync_api.expect(page.locator("#image-name")).to_have_text("train-00001")
    sync_api.expect(page.locator("#look-through")).to_be_hidden()
    page.keyboard.press("?")
    sync_api.expect(page.locator("#help-title")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    sync_api.expect(page.locator("#cards li")).to_have_count(4)
    measured()
    page.context.close()
