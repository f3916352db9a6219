"""Clicks are stored where they were seen, whatever turns, zooms or scales the picture on its way."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pointillist.core.rng import numpy_rng
from pointillist.web.tiles import TILE, Pyramid
from tests.web.browser import CHROMIUM, OTHERS, Server, opened, serving_lesions

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "registration.py"
NO_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")
CUT_OFF = """async ([true_zoom, told_zoom, origin, moves]) => {
  const { Aim } = await import("/page/aim.js");
  const { width, scale } = visualViewport;
  Object.defineProperty(window, "outerWidth", { value: told_zoom * width * scale, configurable: true });
  const aim = new Aim();
  // What WebKit tells: whole CSS pixels, cut off, and the screen's own.
  return moves.map((at) => {
    const client = Math.floor(at / true_zoom), screen = origin + at;
    return aim.at({ clientX: client, clientY: 7, screenX: screen, screenY: 9 }).clientX * true_zoom - at;
  });
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_lesions(tmp_path_factory.mktemp("aim") / "skin", 1) as found:
        yield found


@pytest.mark.parametrize(
    "which",
    [
        pytest.param("chromium", marks=NO_CHROMIUM),
        *OTHERS,
    ],
)
def test_g01_landmarks_of_every_exif_orientation_at_zooms_and_densities(which: str) -> None:
    pytest.importorskip("playwright", reason="playwright is not installed")
    # WebKit's screens have whole densities; a window of twice the pixels takes it a minute to draw.
    density = "1" if which == "webkit" else "1.5"
    side = 3 if which == "chromium" else 2
    grid = ["--zoom", "0.8", "--zoom", "2", "--density", density, "--side", str(side)]
    command = [sys.executable, str(BENCHMARK), *grid, "--browser", which]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = re.search(rf"(?i)(\d+) clicks, {which}\S* .*?: (\d+\.\d+)\.", done.stdout)
    assert told is not None, done.stdout
    assert int(told[1]) == 2 * 8 * side**2
    assert float(told[2]) <= 0.5


@NO_CHROMIUM
@pytest.mark.parametrize("zoom", [1.2, 1.5, 2.0, 2.0736])
def test_g01_a_zoomed_place_that_the_browser_cuts_off_is_found_again(
    browser: Any, server: Server, zoom: float
) -> None:
    page = opened(browser, server.address)
    moves = numpy_rng(1, "moves").integers(0, 1200, 60).tolist()
    off = np.abs(page.evaluate(CUT_OFF, [zoom, zoom, 238, moves]))
    assert off.max() < zoom, "never further off than what the browser tells"
    assert off[20:].max() < 0.3, "pixels of the screen"
    # The window holds something beside the page, so its width says nothing of a zoom: nothing is changed.
    assert np.abs(page.evaluate(CUT_OFF, [1.0, 1.25, 238, moves])).max() == 0
    page.context.close()


def test_g01_tiles_overlap_by_one_pixel_and_are_the_image() -> None:
    """The viewer stretches tiles that don't overlap by a pixel of the screen."""
    image = numpy_rng(0, "tiles").random((3, TILE + 40, 2 * TILE + 7)).astype(np.float32)
    expected = np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0)
    pyramid = Pyramid(*expected.shape[:2], lambda: expected)
    for row in range(2):
        for col in range(3):
            tile = pyramid.tile(pyramid.top, col, row)
            assert tile is not None
            top, left = max(0, row * TILE - 1), max(0, col * TILE - 1)
            part = expected[top : (row + 1) * TILE + 1, left : (col + 1) * TILE + 1]
            np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(tile))), part)
    assert pyramid.tile(pyramid.top, 3, 0) is None
    assert pyramid.tile(pyramid.top, 0, 2) is None


@pytest.mark.parametrize("side", [(4097, 2051), (2560, 2048)])
def test_g01_smaller_sizes_lie_over_whole_pixels_of_the_image(side: tuple[int, int]) -> None:
    """Where the viewer draws them: squeezed to whole pixels they would lie half a pixel off at the edge."""
    image = numpy_rng(0, "sizes").integers(0, 256, (*side, 1)).astype(np.uint8).repeat(3, axis=2)
    pyramid = Pyramid(*side, lambda: image)
    tile = pyramid.tile(pyramid.top - 3, 0, (side[0] // 8 - 9) // TILE)
    assert tile is not None
    found = np.array(Image.open(io.BytesIO(tile))).astype(float)[:, :, 0]
    top = (side[0] // 8 - 9) // TILE * TILE - 1
    rows, cols = min(len(found), side[0] // 8 - top), min(found.shape[1], side[1] // 8)
    cut = image[8 * top : 8 * (top + rows), : 8 * cols, 0].astype(float)
    blocks = cut.reshape(rows, 8, cols, 8).mean((1, 3))
    np.testing.assert_allclose(found[:rows, :cols], blocks, atol=2.0)


def test_what_is_small_comes_without_the_full_image() -> None:
    asked = []
    eighth = np.full((300, 400, 3), 7, np.uint8)

    def full() -> np.ndarray:
        asked.append("full")
        return np.full((2400, 3200, 3), 9, np.uint8)

    pyramid = Pyramid(2400, 3200, full, lambda: eighth)
    for level in (pyramid.top - 3, pyramid.top - 5, 0):
        tile = pyramid.tile(level, 0, 0)
        assert tile is not None
        assert (np.array(Image.open(io.BytesIO(tile))) == 7).all()
    assert not asked
    assert pyramid.tile(pyramid.top - 2, 0, 0)
    assert pyramid.tile(pyramid.top, 0, 0)
    assert asked == ["full"]
    small = Pyramid(240, 320, lambda: np.full((240, 320, 3), 9, np.uint8), lambda: eighth)
    tile = small.tile(small.top - 3, 0, 0)
    assert tile is not None
    assert (np.array(Image.open(io.BytesIO(tile))) == 9).all()
