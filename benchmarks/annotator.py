"""A simulated person at the annotator: Dice against clicks, and how long each answer takes.

    python benchmarks/annotator.py --root PH2Dataset -o docs/results/annotator.md

Images are put into a folder of their own and served by `pointillist annotate`. The person looks at one image
after the other and clicks on the middle of the largest error of what the server shows, over HTTP as the page
does; masks serve to find errors and to measure, and never reach the server.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from PIL import Image
from serving import post_click, serving, write_images

from pointillist.annotate import next_clicks
from pointillist.annotate.seconds import SECONDS
from pointillist.core.shapes import MaskArray
from pointillist.datasets import Ph2

SIZE = (560, 768)
"""Of the images that are served: that of the originals."""


@dataclass
class Seen:
    """What one session showed.

    Args:
        dice: by the number of clicks on an image, one for each image.
        saving: seconds until each click was acknowledged.
        showing: seconds until a segmentation that had seen it was there.
    """

    dice: dict[int, list[float]] = field(default_factory=dict)
    saving: list[float] = field(default_factory=list)
    showing: list[float] = field(default_factory=list)


def overlap(labels: MaskArray, truth: MaskArray) -> float:
    """Give the Dice of the foreground."""
    both = 2 * float(((labels == 1) & (truth == 1)).sum())
    return both / max(1.0, float((labels == 1).sum() + (truth == 1).sum()))


def click_through(client: Any, truths: dict[str, MaskArray], clicks: int) -> Seen:
    """Click on one image after the other, each time on the largest error."""
    seen, tab = Seen(), str(uuid.uuid4())
    for image in client.get("/api/project").json()["images"]:
        truth = truths[image["name"]]
        # As the page does when an image is opened; a person looks before the first click.
        client.get(f"/api/images/{image['id']}/overlay", params={"after": 0})
        # Before anything is shown a person clicks into the object, then outside of it.
        labels = np.zeros_like(truth)
        for number in range(1, clicks + 1):
            found = next_clicks(truth, labels if number != 2 or labels.any() else np.ones_like(truth), 1)
            if not found:
                break
            ((label, row, col),) = found
            began = time.perf_counter()
            saved = post_click(client, image["id"], tab, number, label, (row, col))
            seen.saving.append(time.perf_counter() - began)
            shown = client.get(f"/api/images/{image['id']}/overlay", params={"after": saved})
            if shown.status_code == 204:
                continue
            seen.showing.append(time.perf_counter() - began)
            picture = Image.open(io.BytesIO(shown.content))
            size = (truth.shape[1], truth.shape[0])
            labels = np.array(picture.resize(size, Image.Resampling.NEAREST))
            seen.dice.setdefault(number, []).append(overlap(labels, truth))
    return seen


def table(seen: Seen) -> list[str]:
    """Give the curve and the times."""
    click = SECONDS["further-click"].seconds
    lines = ["| clicks on an image | s / image | images | Dice |", "|--:|--:|--:|--:|"]
    for number, values in sorted(seen.dice.items()):
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        # Both classes' first clicks take longer than the others.
        seconds = 2 * SECONDS["first-click"].seconds + max(0, number - 2) * click
        mean = statistics.mean(values)
        lines.append(f"| {number} | {seconds:.1f} | {len(values)} | {mean:.3f} ± {spread:.3f} |")
    lines += ["", "| from click to | p50 | p95 | p99 |", "|---|--:|--:|--:|"]
    for name, times in (("acknowledged (on the disk)", seen.saving), ("new overlay", seen.showing)):
        marks = np.quantile(times, [0.5, 0.95, 0.99]) * 1000
        lines.append(f"| {name} | " + " | ".join(f"{mark:.0f} ms" for mark in marks) + " |")
    return lines


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True, help="Of PH2.")],
    images: Annotated[int, typer.Option("--images", min=2)] = 20,
    clicks: Annotated[int, typer.Option("--clicks", min=2)] = 10,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Serve images of PH2 at their full size, and click through them."""
    data = Ph2(root=root, size=SIZE)
    names = data.names("train")[:images]
    with tempfile.TemporaryDirectory() as given:
        home = Path(given) / "skin"
        truths = write_images(home, map(data.read, names))
        with (
            serving(home) as (address, headers),
            httpx.Client(base_url=address, headers=headers, timeout=60) as client,
        ):
            seen = click_through(client, truths, clicks)
    about = (
        f"{len(names)} training images of PH2 at {SIZE[1]} x {SIZE[0]}, one after the other; the "
        "pixel classifier alone, trained anew on all clicks after each. Each image is opened before it is "
        "clicked on. Seconds by the declared costs of clicks; spread over images."
    )
    publish(
        "A simulated person at the annotator",
        "python benchmarks/annotator.py --root DIR",
        about,
        table(seen),
        out,
    )


if __name__ == "__main__":
    typer.run(main)
