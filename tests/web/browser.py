"""The annotator's command and its page in a real browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FIREFOX = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
# The driver of a later Debian begins a browser of GTK 4, which hears other keys.
WEBKIT = all(map(shutil.which, ("WebKitWebDriver", "Xvfb", "xdotool"))) and any(
    Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
)
HEIGHT, WIDTH = 144, 192
OTHERS = [
    pytest.param(
        "firefox",
        marks=pytest.mark.skipif(FIREFOX is None, reason="no firefox (apt-get install firefox-esr)"),
    ),
    pytest.param(
        "webkit",
        marks=pytest.mark.skipif(
            not WEBKIT, reason="no webkit (apt-get install webkit2gtk-driver xvfb xdotool)"
        ),
    ),
]
"""Browsers that Playwright does not drive, as parameters of a test."""


def draw_lesions(root: Path, count: int) -> None:
    """Draw a folder of images, named by their number."""
    for sample in Synthetic(size=(HEIGHT, WIDTH), train=count).samples("train"):
        write_picture(root / "images" / f"{sample.name}.png", draw_image(sample.image))


def lesions(count: int) -> list[np.ndarray]:
    """Give what is true of each of them."""
    return [s.truth() for s in Synthetic(size=(HEIGHT, WIDTH), train=count).samples("train")]


def free_port() -> str:
    """Find a port that nobody listens on, far from the command's own first choice.

    A server that is killed and begun again needs its old port, which another test's server would take
    meanwhile if all looked for the first free one.
    """
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


class Server:
    """The command, which may be killed and begun again at the same address."""

    def __init__(self, root: Path, *flags: str, steps: int | None = None) -> None:
        if "--port" not in flags:
            flags = ("--port", free_port(), *flags)
        # Fewer steps of training than users get: what the page does with a training is the same.
        few = f"from pointillist.datasets import Folder; Folder.fewest_steps = {steps}; " if steps else ""
        code = f"{few}from pointillist.cli import main; main()"
        command = [sys.executable, "-c", code, "annotate", str(root), "--no-browser", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline() + self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", said)
        if found is None:
            self.kill()
            raise AssertionError(said)
        self.address, self.port, self.token = found[0], found[1], found[2]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def serving_lesions(root: Path, count: int) -> Iterator[Server]:
    """Draw a folder of images, and serve it meanwhile."""
    draw_lesions(root, count)
    found = Server(root)
    try:
        yield found
    finally:
        found.kill()


def opened(browser: Any, address: str, scale: float = 1, **context: Any) -> Any:
    """Open the page in a window of its own, and wait for its image."""
    shown = {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": scale, **context}
    page = browser.new_context(**shown).new_page()
    come_to(page, address)
    return page


def come_to(page: Any, address: str) -> None:
    """Open the address in a tab, and wait for its image."""
    page.goto(address)
    page.locator("#zoom", has_text="%").wait_for()
    page.wait_for_timeout(400)


def until_saved(page: Any) -> None:
    """Wait until all that was drawn is on the disk."""
    page.locator("#saved[data-state=saved]").wait_for(timeout=30_000)


def click(
    page: Any, row: float, col: float, button: str = "left", size: tuple[int, int] = (HEIGHT, WIDTH)
) -> None:
    """Click on the middle of a pixel while the whole image is in view; wait until it is."""
    page.locator("#zoom", has_text="%").wait_for()
    box, (height, width) = page.locator("#ink").bounding_box(), size
    scale = min(box["width"] / width, box["height"] / height)
    x = box["x"] + box["width"] / 2 + (col + 0.5 - width / 2) * scale
    y = box["y"] + box["height"] / 2 + (row + 0.5 - height / 2) * scale
    page.mouse.click(x, y, button=button)
