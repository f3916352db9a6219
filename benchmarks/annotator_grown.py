"""A project that has grown: how long until the first segmentation when it is opened again, and after a click.

    python benchmarks/annotator_grown.py --root PH2Dataset -o docs/results/annotator_grown.md

So many images of PH2, with ten clicks on each, are served anew; those above the number that PH2 has are the
same ones under other names, which the server can't know. One more image is looked at, at once, and clicked
on; then again once all that was drawn before has been read in the quiet. Masks only say where the clicks are.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from serving import look, post_click, serving, write_images

from pointillist.core.marks import Points
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import MaskArray
from pointillist.datasets import Ph2
from pointillist.web.events import Add
from pointillist.web.project import store_of
from pointillist.web.store import Store

SIZE = (560, 768)
CLICKS = 10


def place(truth: MaskArray, label: int, rng: np.random.Generator) -> tuple[float, float]:
    """Give any pixel of a class."""
    found = np.argwhere(truth == label)
    row, col = found[rng.integers(len(found))]
    return float(row), float(col)


def grow(home: Path, data: Ph2, count: int) -> dict[str, MaskArray]:
    """Make a project of so many images with clicks, and one without, the last; give their truths."""
    names = data.names("train")[: count + 1]
    truths = write_images(home, map(data.read, names))
    for number in range(len(names), count + 1):
        of, name = names[number % len(names)], f"again-{number:05d}"
        os.link(home / "images" / f"{of}.png", home / "images" / f"{name}.png")
        truths[name] = truths[of]
    store, rng = Store(store_of(home)), numpy_rng(0, "grown")
    for name in list(truths)[:-1]:
        marks = [Points(label=n % 2, at=(place(truths[name], n % 2, rng),)) for n in range(CLICKS)]
        events = [Add(id=uuid.uuid4().hex, sequence=n, mark=mark) for n, mark in enumerate(marks)]
        store.append(name, "0" * 32, events).result()
    store.close()
    return truths


def click(client: Any, image: str, truth: MaskArray) -> list[float]:
    """Click on an image; give the seconds from each click to the segmentation that has seen it."""
    rng, times, tab = numpy_rng(1, "grown"), [], str(uuid.uuid4())
    for number in range(2 * CLICKS):
        where = place(truth, number % 2, rng)
        began = time.perf_counter()
        look(client, image, post_click(client, image, tab, number, number % 2, where))
        times.append(time.perf_counter() - began)
    return times


def learnt_all(client: Any, images: int) -> None:
    """Wait until held-out marks on so many images have been judged: then all has been read."""
    while client.get("/api/gauge").json().get("images", 0) < images:
        time.sleep(0.5)


def measure(home: Path, truths: dict[str, MaskArray], teaching: int) -> list[str]:
    last = list(truths)[-1]
    with (
        serving(home) as (address, headers),
        httpx.Client(base_url=address, headers=headers, timeout=600) as client,
    ):
        images = {image["name"]: image["id"] for image in client.get("/api/project").json()["images"]}
        first = look(client, images[last], 0)
        early = click(client, images[last], truths[last])
        began = time.perf_counter()
        learnt_all(client, teaching)
        read = time.perf_counter() - began
        late = click(client, images[last], truths[last])

    def told(times: list[float]) -> str:
        p50, p95 = np.quantile(times, [0.5, 0.95]) * 1000
        return f"{p50:.0f} ms, {p95:.0f} ms"

    return [f"{first:.1f} s", told(early), f"{read:.0f} s", told(late)]


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True, help="Of PH2.")],
    images: Annotated[list[int], typer.Option("--images", min=6)] = [20, 100, 1000],  # noqa: B006
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Open projects that have grown."""
    from pointillist.web.looks import LEARNT

    data, load = Ph2(root=root, size=SIZE), os.getloadavg()[0]
    lines = [
        "| images with clicks | first segmentation | click to segmentation, p50 and p95, at once "
        "| all is read and judged | click to segmentation then |",
        "|--:|--:|--:|--:|--:|",
    ]
    for count in images:
        with tempfile.TemporaryDirectory() as given:
            home = Path(given) / "skin"
            truths = grow(home, data, count)
            told = measure(home, truths, min(count + 1, LEARNT))
        lines.append(f"| {count:,} | {' | '.join(told)} |")
    about = (
        f"Images of PH2 at {SIZE[1]} x {SIZE[0]} with {CLICKS} clicks on each, opened again, and one more on "
        f"which {2 * CLICKS} clicks are made as soon as it is shown, each when the last one's segmentation "
        "is there, and as many later; the classifier alone. Load of the machine's "
        f"{os.cpu_count()} cores by others, before: {load:.1f}."
    )
    publish("A project that has grown", "python benchmarks/annotator_grown.py --root DIR", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
