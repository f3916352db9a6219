"""Is a click stored where it was seen? Landmarks in pictures of every EXIF orientation, in a real browser.

    python benchmarks/registration.py -o docs/results/registration.md
    python benchmarks/registration.py --browser firefox -o docs/results/registration_firefox.md
    python benchmarks/registration.py --browser webkit -o docs/results/registration_webkit.md

The pictures hold landmarks at known pixels. Each is looked for in what the browser shows, clicked there, and
compared with where the server stored the click: a picture that is turned, shifted or scaled anywhere on the
way from the file to the screen and back fails.

A browser's zoom and a screen's density are emulated as a page sees them: fewer CSS pixels in the window, each
made of more of the screen's (density x zoom). WebKit's are its own. Operating systems are not emulated.
"""

from __future__ import annotations

import io
import itertools
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from cells import publish
from firefox import EMULATED, firefox
from PIL import Image
from playwright.sync_api import sync_playwright
from scipy import ndimage
from serving import begun, launch
from webkit import webkit

from pointillist.core.marks import Points
from pointillist.core.rng import numpy_rng
from pointillist.web.project import Project

HEIGHT, WIDTH = 272, 304  # four tiles
RADIUS = 3
FOOT = 24
"""Rows at the bottom without landmarks: there the page writes the place and the zoom over the image."""
WINDOW = (1280, 800)
STILL = 2
ON_ITS_WAY = 8
"""Places between two landmarks in which the hand is seen."""
ZOOMS = [0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0]
DENSITIES = [1.0, 1.25, 1.5, 2.0, 3.0]
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How the rows of an upright picture are stored under each EXIF orientation."""


def draw(root: Path, side: int) -> dict[str, np.ndarray]:
    """Write a picture for each orientation; give the (row, col) of its landmarks by its name."""
    found = {}
    (root / "images").mkdir(parents=True)
    for orientation, stored in STORED_AS.items():
        rng = numpy_rng(orientation, "landmarks")
        # One in each cell of a grid, anywhere in it: no turned or mirrored picture looks the same.
        step = np.array([HEIGHT - FOOT, WIDTH]) / side
        cells = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
        low, high = cells * step + RADIUS + 2, (cells + 1) * step - RADIUS - 3
        places = np.rint(rng.uniform(low, high)).astype(int)
        pixels = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
        rows, cols = np.mgrid[:HEIGHT, :WIDTH]
        for row, col in places:
            pixels[(rows - row) ** 2 + (cols - col) ** 2 <= RADIUS**2] = (255, 0, 255)
        picture = Image.fromarray(pixels)
        if stored is not None:
            picture = picture.transpose(stored)
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"exif-{orientation}"
        picture.save(root / "images" / f"{name}.jpg", quality=98, subsampling=0, exif=exif)
        found[name] = places
    return found


def seen(page: Any, scale: float) -> np.ndarray:
    """Find the landmarks on the screen; give (x, y) in CSS pixels."""
    picture = np.array(Image.open(io.BytesIO(page.screenshot(scale="device"))).convert("RGB")).astype(float)
    box = page.evaluate("() => document.querySelector('#ink').getBoundingClientRect().toJSON()")
    weight = np.clip((picture[:, :, 0] + picture[:, :, 2]) / 2 - picture[:, :, 1] - 25, 0, 230)
    inside = np.zeros(weight.shape, bool)
    top, left = int(box["y"] * scale), int(box["x"] * scale)
    inside[top : top + int(box["height"] * scale), left : left + int(box["width"] * scale)] = True
    parts, count = ndimage.label((weight > 0) & inside)
    numbers = np.arange(1, count + 1)
    # A stray pixel of the page's own colours is no landmark.
    heavy = numbers[ndimage.sum_labels(weight, parts, numbers) > 230 * 6 * scale]
    centres = np.array(ndimage.center_of_mass(weight, parts, heavy)).reshape(-1, 2)
    return (centres[:, ::-1] + 0.5) / scale


Aimed = Callable[[np.ndarray], np.ndarray]


def until(page: Any, which: str, says: str) -> None:
    """Wait until what an element says matches a pattern, as a whole."""
    for _ in range(600):
        if re.fullmatch(says, page.evaluate("which => document.querySelector(which).textContent", which)):
            return
        page.wait_for_timeout(50)
    raise SystemExit(f"{which} does not say {says!r}")


class Chromium:
    """The machine's own, by Playwright.

    Args:
        browser: that has begun.
    """

    name, about = "Chromium", EMULATED

    def __init__(self, browser: Any) -> None:
        self._browser, self.version = browser, browser.version

    @contextmanager
    def zoomed(self, width: int, height: int, zoom: float, density: float) -> Iterator[tuple[Any, float]]:
        """Open a window of so many CSS pixels at 100 % as one of this zoom, on a screen of this density."""
        size = {"width": round(width / zoom), "height": round(height / zoom)}
        context = self._browser.new_context(
            viewport=size, device_scale_factor=density * zoom, reduced_motion="reduce"
        )
        yield context.new_page(), zoom
        context.close()

    def aimed(self, places: np.ndarray, zoom: float) -> np.ndarray:
        """Give where clicks at places, in CSS pixels, really aim."""
        return places


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Begin it, and end it."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield Chromium(browser)
        browser.close()


def click_all(page: Any, scale: float, key: str, truth: np.ndarray, aimed: Aimed) -> np.ndarray:
    """Show an image, find its landmarks, and click on each.

    Args:
        page: where the annotator is open.
        scale: the screen's pixels for each CSS pixel.
        key: of the image.
        truth: (row, col) of its landmarks.
        aimed: where clicks at places, in CSS pixels, really aim.

    Returns:
        how far, in rows and columns, each click aimed beside its landmark.
    """
    page.evaluate("key => { location.hash = `image=${key}`; }", key)
    places, same = np.empty((0, 2)), 0
    for _ in range(100):
        page.wait_for_timeout(100)
        before, places = places, seen(page, scale)
        same = same + 1 if np.array_equal(before, places) else 0
        # Again and again the same: all tiles have come, and nothing moves.
        if len(places) == len(truth) and same == STILL:
            break
    else:
        raise SystemExit(f"{len(places)} landmarks of {len(truth)} are seen")
    # A hand that comes from somewhere is seen on its way, in more places than those that it clicks on.
    for start, end in itertools.pairwise(places):
        for x, y in np.linspace(start, end, ON_ITS_WAY):
            page.mouse.move(x, y)
    for x, y in places:
        page.mouse.click(x, y)
    until(page, "#saved", "saved")
    # The next look must see the landmarks alone.
    for _ in places:
        page.keyboard.press("Control+z")
    until(page, "#saved", "saved")
    beside = aimed(places) - places
    return (beside * np.ptp(truth[:, ::-1], 0) / np.ptp(places, 0))[:, ::-1]


def stored(project: Project, name: str) -> np.ndarray:
    """List where clicks were stored, those taken back too, in their order."""
    events, _ = project.store.events(name)
    marks = [event.mark for event in events if event.kind == "add"]
    return np.array([at for mark in marks if isinstance(mark, Points) for at in mark.at])


def errors(clicked: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Give each landmark's distance, along the rows or columns, to the click that is nearest."""
    apart = np.abs(places[:, None, :] - clicked[None]).max(2)
    return apart.min(1)


Which = Literal["chromium", "firefox", "webkit"]
BROWSERS: dict[Which, Any] = {"chromium": chromium, "firefox": firefox, "webkit": webkit}


def main(
    zooms: Annotated[list[float], typer.Option("--zoom", min=0.25)] = ZOOMS,
    densities: Annotated[list[float], typer.Option("--density", min=0.5)] = DENSITIES,
    side: Annotated[int, typer.Option("--side", help="So many landmarks squared on an image.")] = 5,
    which: Annotated[Which, typer.Option("--browser")] = "chromium",
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Click on all landmarks under every combination."""
    rows, worst, clicks = [], 0.0, 0
    with tempfile.TemporaryDirectory() as given, BROWSERS[which]() as browser, ExitStack() as ended:
        root = Path(given) / "turned"
        truths = draw(root, side)
        address, token = ended.enter_context(begun(root))
        project = Project(root)
        ended.callback(project.store.close)
        keys = {name: key for key, name in project.names.items()}
        for wished in zooms:
            cells = []
            for density in densities:
                longest = 0.0
                with browser.zoomed(*WINDOW, wished, density) as (page, zoom):
                    page.goto(f"{address}/?token={token}")
                    until(page, "#zoom", ".*%.*")
                    for name, places in truths.items():
                        before = len(stored(project, name))
                        aimed = partial(browser.aimed, zoom=zoom)
                        beside = click_all(page, density * zoom, keys[name], places, aimed)
                        clicked = stored(project, name)[before:] - beside
                        longest = max(longest, float(errors(clicked, places).max()))
                        clicks += len(clicked)
                cells.append(f"{longest:.2f}")
                worst = max(worst, longest)
                print(f"zoom {zoom:.0%}, density {density:g}: {longest:.2f} px", flush=True)
            rows.append(f"| {zoom:.0%} | {' | '.join(cells)} |")
    head = f"| zoom | {' | '.join(f'density {density:g}' for density in densities)} |"
    about = (
        f"Furthest click from its landmark in pixels of the image ({WIDTH} x {HEIGHT}, EXIF orientations 1 "
        f"to 8, {side * side} landmarks on each, {clicks} clicks, {browser.name} {browser.version}): "
        f"{worst:.2f}. Landmarks are found in what the screen shows. {browser.about}"
    )
    lines = [head, "|--:|" + "--:|" * len(densities), *rows]
    flags = [f" --browser {which}"] * (which != "chromium")
    flags += [f" --zoom {zoom:g}" for zoom in zooms if zooms != ZOOMS]
    flags += [f" --density {density:g}" for density in densities if densities != DENSITIES]
    command = f"python benchmarks/registration.py{''.join(flags)}"
    publish("Are clicks stored where they were seen?", command, about, lines, out)


if __name__ == "__main__":
    typer.run(main)
