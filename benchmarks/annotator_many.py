"""A project of very many images and clicks: how soon its list is there, the next image, all marks as a table.

    python benchmarks/annotator_many.py --images 200000 --clicks 5000000 -o docs/results/annotator_many.md

The images are small and hard links of a few, so that making them takes seconds; the server can't know. The
clicks are spread evenly over them, as if people had worked through the list. The server is asked as the page
asks: the list; then for images anywhere in it, the most useful one included, the size, the marks and a tile;
and clicks are saved. What the page itself takes to show the list is not measured here. To make the large
project takes ten minutes: with --keep it stays.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Annotated

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from serving import begin, look, post_click

from pointillist.core.marks import Points
from pointillist.core.rng import numpy_rng
from pointillist.data.draw import write_picture
from pointillist.web.events import Add
from pointillist.web.project import store_of
from pointillist.web.store import Store

LINKS = 30_000
"""Names that one file gets: ext4 allows 65,000."""
OPENED = 200
QUEUED = 400
"""Images whose clicks wait for the disk together."""
SMALL = 1_000_000
"""Bytes of a store without clicks, at most."""


def make(folder: Path, count: int) -> None:
    """Make so many images, of which each file has many names."""
    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"image-{number:06d}.png"
        if number % LINKS == 0:
            first = path
            write_picture(first, numpy_rng(number, "many").integers(0, 255, (24, 32, 3), dtype=np.uint8))
        else:
            os.link(first, path)


def fill(home: Path, images: int, clicks: int) -> None:
    """Store clicks on every image."""
    store, each, tab = Store(store_of(home)), clicks // images, str(uuid.uuid4())
    rng, answers = numpy_rng(0, "clicks"), deque[Future[int]]()
    for number in range(images if each else 0):
        places = np.stack([rng.uniform(0, 23, each), rng.uniform(0, 31, each)], 1).round(1).tolist()
        marks = [Points(label=n % 2, at=((row, col),)) for n, (row, col) in enumerate(places)]
        events = [Add(id=rng.bytes(16).hex(), sequence=n, mark=mark) for n, mark in enumerate(marks)]
        answers.append(store.append(f"image-{number:06d}", tab, events))
        if len(answers) > QUEUED:
            answers.popleft().result()
    for answer in answers:
        answer.result()
    store.close()


def peak_mib(process: int) -> int:
    """Give the most memory that a process has held."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def timed(client: httpx.Client, *paths: str) -> float:
    began = time.perf_counter()
    for path in paths:
        client.get(path).raise_for_status()
    return time.perf_counter() - began


def click(client: httpx.Client, image: str) -> float:
    began = time.perf_counter()
    post_click(client, image, str(uuid.uuid4()), 0, 1, (2.0, 3.0))
    return time.perf_counter() - began


def take_table(client: httpx.Client) -> str:
    """Download all marks, and tell how long that took."""
    began, taken = time.perf_counter(), 0
    with client.stream("GET", "/api/marks.csv") as table:
        for part in table.iter_bytes():
            taken += len(part)
    return f"{time.perf_counter() - began:.0f} s, {taken / 1e6:,.0f} MB"


def of_many(what: str, times: list[float]) -> tuple[str, str]:
    p50, p99 = (f"{value * 1000:.0f} ms" for value in np.quantile(times, [0.5, 0.99]))
    return f"{what}, p50 and p99 of {OPENED}", f"{p50}, {p99}"


def measure(home: Path) -> list[tuple[str, str]]:
    """Serve a project, and tell what was measured in words."""
    began = time.perf_counter()
    server, address, token = begin(home)
    listens = time.perf_counter() - began
    headers = {"Authorization": f"Bearer {token}"}
    size = sum(path.stat().st_size for path in store_of(home).parent.glob("annotations.sqlite*"))
    with httpx.Client(base_url=address, headers=headers, timeout=600) as client:
        lists, answer = [], None
        for _ in range(3):
            began = time.perf_counter()
            answer = client.get("/api/project")
            lists.append(time.perf_counter() - began)
        assert answer is not None
        images = [image["id"] for image in answer.json()["images"]]
        chosen = [images[n] for n in numpy_rng(0, "opened").integers(0, len(images), OPENED)]
        first = timed(client, f"/api/images/{chosen[0]}/tiles/5/0_0.png")
        of = ("size", "marks", "tiles/5/0_0.png")
        opens = [timed(client, *(f"/api/images/{one}/{rest}" for rest in of)) for one in chosen]
        shown = look(client, chosen[0], 0)
        saves = [click(client, one) for one in chosen]
        nexts = [timed(client, "/api/next-image") for _ in chosen]
        results = timed(client, "/api/results")
        memory = peak_mib(server.pid)
        whole = take_table(client)
    server.terminate()
    server.wait()
    return [
        ("until it listens", f"{listens:.1f} s"),
        ("its list, first and again", f"{lists[0]:.2f} s, {min(lists[1:]):.2f} s"),
        ("the store", f"{size / 1e6:,.0f} MB"),
        ("size of the list", f"{len(answer.content) / 1e6:.0f} MB"),
        ("the first tile", f"{first:.2f} s"),
        of_many("an image opened", opens),
        of_many("a click saved", saves),
        of_many("the most useful image", nexts),
        ("the first segmentation", f"{shown:.1f} s" if size > SMALL else "-"),
        ("the list to look through", f"{results:.2f} s"),
        ("memory at most", f"{memory} MiB"),
        ("all marks as a table", whole),
    ]


def main(
    images: Annotated[int, typer.Option("--images", min=1)] = 200_000,
    clicks: Annotated[int, typer.Option("--clicks", min=0)] = 5_000_000,
    keep: Annotated[Path | None, typer.Option("--keep", help="Where the large project stays, or is.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Serve so many images, and one, and ask for them."""
    load = os.getloadavg()[0]
    columns = []
    for count in (1, images):
        with tempfile.TemporaryDirectory() as given:
            home = keep if keep is not None and count > 1 else Path(given) / "many"
            if not home.exists():
                make(home / "images", count)
                fill(home, count, clicks if count > 1 else 0)
            columns.append(measure(home))
    lines = [f"| | 1 image | {images:,} images, {clicks:,} clicks |", "|---|--:|--:|"]
    lines += [f"| {what} | {one} | {many} |" for (what, one), (_, many) in zip(*columns, strict=True)]
    about = (
        "Images of 32 x 24 pixels, with colours; the server's share of the waiting alone, not the page's. "
        f"Load of the machine's {os.cpu_count()} cores by others, before: {load:.1f}."
    )
    publish(
        "A project of very many images and clicks", "python benchmarks/annotator_many.py", about, lines, out
    )


if __name__ == "__main__":
    typer.run(main)
