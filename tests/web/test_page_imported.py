"""What came from elsewhere is seen on the page, and can be taken back there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.marks import Centroid, Dense, ExtremePoints, Mark
from tests.web.browser import CHROMIUM, HEIGHT, WIDTH, Server, draw_lesions, opened, until_saved

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

# The alpha of what is drawn over a pixel of the image, with the whole image in view.
SEEN = """([row, col, height, width]) => {
  const ink = document.getElementById("ink");
  const scale = Math.min(ink.width / width, ink.height / height);
  const x = ink.width / 2 + (col + 0.5 - width / 2) * scale;
  const y = ink.height / 2 + (row + 0.5 - height / 2) * scale;
  return ink.getContext("2d").getImageData(x, y, 1, 1).data[3];
}"""


def area() -> Mark:
    labels = np.full((HEIGHT, WIDTH), 255, np.uint8)
    labels[40:100, 50:120] = 1
    labels[10:30, 10:40] = 0
    return Dense.from_map(labels)


@pytest.mark.parametrize(
    ("mark", "shown", "bare"),
    [
        (area(), [(70, 80), (40, 80), (70, 119), (10, 20)], [(70, 20), (20, 25), (5, 5)]),
        (
            ExtremePoints(label=1, at=((40.0, 80.0), (70.0, 50.0), (100.0, 80.0), (70.0, 120.0))),
            [(40, 80), (70, 120)],
            [(70, 80)],
        ),
        (Centroid(label=1, rows=(50.0, 90.0), cols=(60.0, 110.0)), [(50, 60), (90, 110)], [(70, 80)]),
    ],
    ids=["area", "extreme points", "centroid"],
)
def test_an_imported_mark_is_seen_until_it_is_taken_back(
    browser: Any, tmp_path: Path, mark: Mark, shown: list[tuple[int, int]], bare: list[tuple[int, int]]
) -> None:
    root = tmp_path / "skin"
    draw_lesions(root, 3)
    drawn = Annotation(
        name="train-00000", height=HEIGHT, width=WIDTH, classes=("background", "foreground"), marks=(mark,)
    )
    write_annotation(root / "annotations" / "train-00000.json", drawn)
    server = Server(root)
    page = opened(browser, server.address)
    page.keyboard.press("o")  # the marks alone
    page.wait_for_timeout(500)

    def alpha(at: tuple[int, int]) -> int:
        return int(page.evaluate(SEEN, [*at, HEIGHT, WIDTH]))

    assert all(alpha(at) > 50 for at in shown), [alpha(at) for at in shown]
    assert not any(alpha(at) for at in bare)
    page.keyboard.press("Control+z")
    until_saved(page)
    page.wait_for_timeout(200)
    assert not any(alpha(at) for at in shown + bare)
    page.keyboard.press("Control+Shift+z")
    until_saved(page)
    page.wait_for_timeout(200)
    assert all(alpha(at) > 50 for at in shown)
    page.context.close()
    server.kill()
