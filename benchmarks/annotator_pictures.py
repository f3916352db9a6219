"""The pictures of the annotator's page in the documentation, of generated lesions, in a real browser.

    python benchmarks/annotator_pictures.py -o docs

Clicks on two thirds of the images come over HTTP as from another person; the page itself trains.
"""

from __future__ import annotations

import io
import tempfile
import uuid
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import typer
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from serving import launch, serving

from pointillist.annotate import PointsAnnotator
from pointillist.core.marks import Points
from pointillist.core.rng import numpy_rng
from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic

IMAGES, CLICKED = 36, 24
WINDOW = {"width": 1440, "height": 900}
TRAINED_MS = 30 * 60_000
SEEN_MS = 5 * 60_000
QUALITY = 90


def draw(root: Path) -> list[list[Points]]:
    """Write the images; give clicks on some of them, a few on the lesion and on what is around it."""
    data, clicks = Synthetic(size=(360, 480), train=IMAGES), list[list[Points]]()
    for number, sample in enumerate(data.samples("train")):
        write_picture(root / "images" / f"lesion-{number:02d}.png", draw_image(sample.image))
        positive, negative = numpy_rng(number, "pictures").integers(2, 5, 2)
        annotator = PointsAnnotator(positive=int(positive), negative=int(negative))
        drawn = annotator.annotate(sample, data.classes, 0).marks
        clicks.append([mark for mark in drawn if isinstance(mark, Points)])
    (root / "pointillist.yaml").write_text("classes: [background, lesion]\n")
    return clicks[:CLICKED]


def send(address: str, headers: dict[str, str], clicks: list[list[Points]]) -> None:
    """Store the clicks, as a page would."""
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        images = client.get("/api/project").json()["images"]
        for image, marks in zip(images, clicks, strict=False):
            one_by_one = [Points(label=mark.label, at=(at,)) for mark in marks for at in mark.at]
            events = [
                {"kind": "add", "id": str(uuid.uuid4()), "sequence": number, "mark": mark.model_dump()}
                for number, mark in enumerate(one_by_one)
            ]
            body = {"client": str(uuid.uuid4()), "events": events}
            client.post(f"/api/images/{image['id']}/events", json=body).raise_for_status()


def take(page: Any, path: Path) -> None:
    """Write what the page shows."""
    page.wait_for_timeout(1500)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(path, quality=QUALITY, method=6)


def main(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that the pictures go into.")],
) -> None:
    """Click, train, and take three pictures: light, dark, and all images."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as given, sync_playwright() as playwright:
        root = Path(given) / "lesions"
        clicks = draw(root)
        browser = launch(playwright)
        with serving(root) as (address, headers):
            send(address, headers, clicks)
            entered = f"{address}/?token={headers['Authorization'].removeprefix('Bearer ')}"
            page = browser.new_context(viewport=WINDOW, color_scheme="light").new_page()
            page.goto(entered)
            expect(page.locator("#overlay-state")).to_contain_text("classifier", timeout=SEEN_MS)
            page.get_by_role("button", name="Train", exact=True).click()
            expect(page.locator("#training-state")).to_contain_text("done", timeout=TRAINED_MS)
            # Held-out marks then judge the network, which takes a while where many are.
            expect(page.locator("#sources")).to_contain_text("network", timeout=SEEN_MS)
            take(page, out / "annotator_light.webp")
            page.keyboard.press("r")
            expect(page.locator("#cards img[src]").nth(8)).to_be_attached(timeout=SEEN_MS)
            take(page, out / "annotator_results.webp")
            page.keyboard.press("Escape")
            page.emulate_media(color_scheme="dark")
            take(page, out / "annotator_dark.webp")
        browser.close()


if __name__ == "__main__":
    typer.run(main)
