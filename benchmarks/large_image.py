"""A very large image at the annotator: seconds until it is seen, and the server's memory.

    python benchmarks/large_image.py -o docs/results/large_image.md

An image of 10,000 x 10,000 pixels is painted and stored as JPEG, PNG and TIFF, each in a folder of its own. A
server that has just begun is asked as the page asks when it opens the image at a size that fits the window:
for all tiles of that level, four at a time; then for one tile of the full image, as when someone zooms in.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from PIL import Image
from serving import begin

from pointillist.web.tiles import TILE, levels

FORMS = {"jpg": {"quality": 90}, "png": {"compress_level": 1}, "tif": {"compression": "tiff_deflate"}}
SHOWN = 3
"""The window shows an eighth: 1,250 of 10,000 pixels."""


def paint(side: int) -> Image.Image:
    """Paint broad colours under a fine grain, as a photograph has them."""
    rng = np.random.default_rng(0)
    broad = Image.fromarray(rng.integers(0, 256, (side // 25, side // 25, 3), dtype=np.uint8))
    pixels = np.array(broad.resize((side, side), Image.Resampling.BICUBIC))
    for rows in np.array_split(pixels, 20):
        grain = rng.integers(-6, 7, rows.shape, dtype=np.int16)
        rows[:] = np.clip(rows + grain, 0, 255)
    return Image.fromarray(pixels)


def peak_mb(process: int) -> int:
    """Give the most memory that a process has held, as Linux counts it."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def look(home: Path, side: int) -> list[str]:
    """Open the image, then zoom in; give seconds until its first tile, all tiles, a full one; the memory."""
    server, address, token = begin(home)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=600) as client:
            (image,) = client.get("/api/project").json()["images"]
            top, count = levels(side, side), -(-side // 2**SHOWN // TILE)
            before = peak_mb(server.pid)
            began = time.perf_counter()

            def ask(place: tuple[int, int, int]) -> float:
                level, col, row = place
                answer = client.get(f"/api/images/{image['id']}/tiles/{level}/{col}_{row}.png")
                answer.raise_for_status()
                return time.perf_counter() - began

            with ThreadPoolExecutor(4) as four:
                shown = list(
                    four.map(ask, [(top - SHOWN, col, row) for row in range(count) for col in range(count)])
                )
            seen = peak_mb(server.pid) - before
            began = time.perf_counter()
            full = ask((top, 0, 0))
            after = peak_mb(server.pid) - before
            return [f"{min(shown):.1f}", f"{max(shown):.1f}", f"{full:.1f}", f"{seen}", f"{after}"]
    finally:
        server.terminate()
        server.wait()


def main(
    side: Annotated[int, typer.Option("--side", min=2048, max=10_000)] = 10_000,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Measure every form."""
    head = ["form", "first tile, s", "whole picture, s", "zoomed in, s", "memory, MB", "zoomed in, MB"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * 5}"]
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as given:
        picture = paint(side)
        for form, how in FORMS.items():
            home = Path(given) / form
            home.mkdir()
            picture.save(home / f"large.{form}", **how)
            lines.append(f"| {form} | {' | '.join(look(home, side))} |")
    about = (
        f"{side} x {side} pixels, a server that has just begun; memory is the peak above what it holds "
        "before. The page's window shows an eighth of the image, 25 tiles asked for four at a time."
    )
    publish("A very large image", "python benchmarks/large_image.py", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
