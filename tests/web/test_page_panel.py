"""The panel at the right: what is done with the marks is always in sight, and nothing in it jumps."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.browser import CHROMIUM, Server, opened, serving_lesions

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

GAUGE: dict[str, Any] = {
    "type": "gauge",
    "of": "both",
    "agreement": 0.93,
    "low": 0.88,
    "high": 0.94,
    "curve": [[289, 0.84], [577, 0.88], [1180, 0.912]],
    "source": "both",
    "sources": {"forest": 0.88, "network": 0.91, "both": 0.93},
    "verdict": "Whether more marks are worth it can't be told yet: "
    "twice the images changed its agreement by +10.0 points.",
}
TRAINING = {
    "type": "training",
    "state": "running",
    "number": 2,
    "epoch": 3,
    "epochs": 9,
    "loss": 0.123,
    "scores": [[0, 0.81], [1, 0.8], [2, 0.91], [3, 0.9]],
}
SHIFTS = """() => {
  globalThis.shifted = 0;
  new PerformanceObserver((list) => {
    for (const { value } of list.getEntries()) globalThis.shifted += value;
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_lesions(tmp_path_factory.mktemp("panel") / "skin", 4) as found:
        yield found


def tell(page: Any, *messages: dict[str, Any]) -> None:
    """Open the page again, whose stream tells only this."""
    body = ": here\n\n" + "".join(f"data: {json.dumps(one)}\n\n" for one in messages)
    page.unroute_all()
    page.route("**/api/stream", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.reload()
    page.locator("#zoom", has_text="%").wait_for()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900)])
def test_train_and_export_are_in_sight_whatever_is_told(
    browser: Any, server: Server, width: int, height: int
) -> None:
    page = opened(browser, server.address, viewport={"width": width, "height": height})
    places = []
    for told in ((), (GAUGE,), (GAUGE, TRAINING)):
        tell(page, *told)
        sync_api.expect(page.locator("#running")).to_be_visible(visible=TRAINING in told)
        sync_api.expect(page.locator("#learnt")).to_be_visible(visible=TRAINING in told)
        for name in ("train", "export"):
            sync_api.expect(page.locator(f"#{name}")).to_be_in_viewport(ratio=1)
        places.append([page.locator(f"#{name}").bounding_box() for name in ("train", "export")])
    sync_api.expect(page.locator("#cancel")).to_be_in_viewport(ratio=1)
    assert places[0] == places[1] == places[2], "what comes does not push them about"
    page.context.close()


@pytest.mark.parametrize("width", [380, 1000, 1440])
def test_the_page_does_not_jump_while_it_opens(browser: Any, server: Server, width: int) -> None:
    page = opened(browser, server.address, viewport={"width": width, "height": 800})
    page.add_init_script(f"({SHIFTS})()")
    tell(page, GAUGE, TRAINING)
    page.wait_for_timeout(800)
    assert page.evaluate("globalThis.shifted") < 0.02
    page.context.close()


def test_what_is_chosen_is_told_apart_in_the_system_s_colours(browser: Any, server: Server) -> None:
    page = opened(browser, server.address, forced_colors="active")
    colour = "one => getComputedStyle(one).backgroundColor"
    swatches = page.locator("#classes .swatch").evaluate_all(f"all => all.map({colour})")
    assert len(set(swatches)) == 2
    page.locator("#show-marks").click()
    for which in ("button[data-tool]", "#classes button", ".pair [aria-pressed]", "#images button"):
        assert len(set(page.locator(which).evaluate_all(f"all => all.map({colour})"))) == 2, which
    page.context.close()


def test_the_page_says_that_nothing_can_be_shown(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    page.context.set_offline(True)
    page.keyboard.press("n")
    sync_api.expect(page.locator("#notice")).to_contain_text("has not come", timeout=20_000)
    page.keyboard.press("r")
    sync_api.expect(page.locator("#cards li").first).to_contain_text("The server is away")
    page.context.set_offline(False)
    page.keyboard.press("Escape")
    page.locator("#zoom", has_text="%").wait_for()
    sync_api.expect(page.locator("#notice")).to_be_hidden()
    page.context.close()


def test_the_list_says_what_held_out_means(browser: Any, server: Server) -> None:
    page = opened(browser, server.address)
    legend = page.locator("#legend")
    sync_api.expect(legend).to_have_text("held out: judges the network, which does not learn from it")
    row = page.locator("#images button").filter(has_text="held out").first
    before = row.bounding_box()
    row.focus()
    sync_api.expect(legend).to_contain_text("never learns from it")
    assert row.bounding_box() == before
    page.context.close()
