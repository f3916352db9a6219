"""Debian's Firefox, asked over WebDriver BiDi: what Playwright drives is newer, or a build of its own.

Only what `registration.py` and a test need, by the names that a page of Playwright has.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from driven import ANSWER_S, Driven, program
from websockets.sync.client import ClientConnection, connect

PREFERENCES = 'user_pref("ui.prefersReducedMotion", 1);\n'


EMULATED = (
    "A browser's zoom is emulated by the window's CSS pixels and their density, as the page is told of it."
)


class Page(Driven):
    """One tab.

    Args:
        socket: to Firefox.
        width: of the window, CSS pixels.
        height: likewise.
        scale: the screen's pixels for each of these.
    """

    def __init__(self, socket: ClientConnection, width: int, height: int, scale: float) -> None:
        super().__init__()
        self._socket, self._number = socket, 0
        self._tab = {"context": self._ask("browsingContext.create", type="tab")["context"]}
        size = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", **self._tab, viewport=size, devicePixelRatio=scale)

    def _ask(self, method: str, **given: Any) -> Any:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": given}))
        while (answer := json.loads(self._socket.recv(ANSWER_S))).get("id") != self._number:
            continue  # Some news that nobody asked for.
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['error']}, {answer['message']}")
        return answer["result"]

    def goto(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self._ask("browsingContext.navigate", **self._tab, url=address, wait="complete")

    def evaluate(self, function: str, argument: str | None = None) -> Any:
        """Call a function with a text; what it gives must be JSON."""
        call = f"JSON.stringify(({function})({json.dumps(argument)}) ?? null)"
        answer = self._ask("script.evaluate", expression=call, target=self._tab, awaitPromise=False)
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def screenshot(self, scale: str) -> bytes:
        """Give what the screen shows, as PNG, in its own pixels."""
        assert scale == "device"
        return base64.b64decode(self._ask("browsingContext.captureScreenshot", **self._tab)["data"])

    def close(self) -> None:
        """Close the tab."""
        self._ask("browsingContext.close", **self._tab)

    def _do(self, sources: list[dict[str, Any]]) -> None:
        self._ask("input.performActions", **self._tab, actions=sources)


class Firefox:
    """A browser that has begun.

    Args:
        socket: to it.
    """

    name = "Firefox"
    about = f"{EMULATED} It is driven by whole CSS pixels; how far these lie beside a landmark is taken off."

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        socket.send(json.dumps({"id": 0, "method": "session.new", "params": {"capabilities": {}}}))
        self.version: str = json.loads(socket.recv(ANSWER_S))["result"]["capabilities"]["browserVersion"]

    @contextmanager
    def opened(self, width: int, height: int, scale: float) -> Iterator[Page]:
        """Open a tab, and close it in the end."""
        page = Page(self._socket, width, height, scale)
        yield page
        page.close()

    @contextmanager
    def zoomed(self, width: int, height: int, zoom: float, density: float) -> Iterator[tuple[Page, float]]:
        """Open a window of so many CSS pixels at 100 % as one of this zoom, on a screen of this density."""
        with self.opened(round(width / zoom), round(height / zoom), density * zoom) as page:
            yield page, zoom

    def aimed(self, places: np.ndarray, zoom: float) -> np.ndarray:
        """Give where clicks at places, in CSS pixels, really aim."""
        return np.floor(places + 0.5)


@contextmanager
def firefox() -> Iterator[Firefox]:
    """Begin the machine's own Firefox without a screen, or that of ``FIREFOX``, with a profile of its own."""
    path = program("FIREFOX", ("firefox-esr", "firefox"), "firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (Path(profile) / "user.js").write_text(PREFERENCES)
        command = [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        # Into a file: a pipe that nobody reads any more would be full at last, and Firefox would wait.
        said = Path(profile) / "said.txt"
        with said.open("w") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                with connect(f"{_listens_at(said)}/session", max_size=None) as socket:
                    yield Firefox(socket)
            finally:
                process.terminate()


def _listens_at(said: Path) -> str:
    """Wait until Firefox says where it listens."""
    deadline = time.monotonic() + ANSWER_S
    while (found := re.search(r"(ws://\S+)\s", said.read_text())) is None:
        if time.monotonic() > deadline:
            raise SystemExit("firefox did not begin to listen")
        time.sleep(0.05)
    return found[1]
