"""Images for the annotator, and its server as a process, for benchmarks that ask it over HTTP."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray
from pointillist.data.draw import draw_image, write_picture


def write_images(home: Path, samples: Iterable[Sample]) -> dict[str, MaskArray]:
    """Write the images of a project that is to be served; give their truths by name."""
    truths = {}
    for sample in samples:
        write_picture(home / "images" / f"{sample.name}.png", draw_image(sample.image))
        truths[sample.name] = sample.truth()
    return truths


def begin(home: Path, *flags: str) -> tuple[subprocess.Popen[str], str, str]:
    """Begin to serve a folder; give the process, its address and its token once it listens."""
    command = [sys.executable, "-m", "pointillist", "annotate", str(home), "--no-browser", *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    said = server.stdout.readline() + server.stdout.readline()
    ((address, token),) = re.findall(r"(http://\S+)/\?token=(\S+)", said)
    return server, address, token


def post_click(
    client: Any, image: str, tab: str, sequence: int, label: int, place: tuple[float, float]
) -> int:
    """Click on an image as the page does; give the number of the event, which is on the disk then."""
    mark = {"kind": "points", "label": label, "at": [list(place)], "radius": 0.0}
    event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": sequence, "mark": mark}
    answer = client.post(f"/api/images/{image}/events", json={"client": tab, "events": [event]})
    answer.raise_for_status()
    return int(answer.json()["revision"])


def look(client: Any, image: str, after: int) -> float:
    """Wait for an image's segmentation that has seen an event; give the seconds."""
    began = time.perf_counter()
    while client.get(f"/api/images/{image}/overlay", params={"after": after}).headers.get("x-why") == "late":
        pass
    return time.perf_counter() - began


def launch(playwright: Any) -> Any:
    """Begin the machine's own Chromium, or that of ``CHROMIUM``."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextmanager
def begun(home: Path, *flags: str) -> Iterator[tuple[str, str]]:
    """Serve a folder; give the address and its token."""
    server, address, token = begin(home, *flags)
    try:
        yield address, token
    finally:
        server.terminate()
        server.communicate()


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a folder; give the address, and the headers that a request needs."""
    with begun(home) as (address, token):
        yield address, {"Authorization": f"Bearer {token}"}
