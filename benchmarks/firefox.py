"""Debian's Firefox, asked over WebDriver BiDi: what Playwright drives is newer, or a build of its own.

Only what `registration.py` and a test need, by the names that a page of Playwright has.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from websockets.sync.client import ClientConnection, connect

PREFERENCES = 'user_pref("ui.prefersReducedMotion", 1);\n'
ANSWER_S = 60
MODIFIERS = {"Control": "\ue009", "Shift": "\ue008"}


def aimed(place: float) -> int:
    """Give the whole CSS pixel at which a click really aims."""
    return math.floor(place + 0.5)


class Page:
    """One tab.

    Args:
        socket: to Firefox.
        width: of the window, CSS pixels.
        height: likewise.
        scale: the screen's pixels for each of these.
    """

    def __init__(self, socket: ClientConnection, width: int, height: int, scale: float) -> None:
        self._socket, self._number = socket, 0
        self._tab = {"context": self._ask("browsingContext.create", type="tab")["context"]}
        size = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", **self._tab, viewport=size, devicePixelRatio=scale)
        self.mouse = SimpleNamespace(click=self._click)
        self.keyboard = SimpleNamespace(press=self._press)

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

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Let time go by."""
        time.sleep(milliseconds / 1000)

    def screenshot(self, scale: str) -> bytes:
        """Give what the screen shows, as PNG, in its own pixels."""
        assert scale == "device"
        return base64.b64decode(self._ask("browsingContext.captureScreenshot", **self._tab)["data"])

    def close(self) -> None:
        """Close the tab."""
        self._ask("browsingContext.close", **self._tab)

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        doing = [{"type": kind, "id": kind, "actions": actions}]
        self._ask("input.performActions", **self._tab, actions=doing)

    def _click(self, x: float, y: float, button: str = "left") -> None:
        # Firefox would round them itself for a driver; a hand's mouse knows parts of CSS pixels.
        at = {"type": "pointerMove", "x": aimed(x), "y": aimed(y)}
        number = {"left": 0, "right": 2}[button]
        press = [{"type": name, "button": number} for name in ("pointerDown", "pointerUp")]
        self._act("pointer", [at, *press])

    def _press(self, keys: str) -> None:
        held = [MODIFIERS.get(key, key) for key in keys.split("+")]
        down = [{"type": "keyDown", "value": key} for key in held]
        self._act("key", [*down, *({"type": "keyUp", "value": key} for key in reversed(held))])


class Firefox:
    """A browser that has begun.

    Args:
        socket: to it.
    """

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
def firefox() -> Iterator[Firefox]:
    """Begin the machine's own Firefox without a screen, or that of ``FIREFOX``, with a profile of its own."""
    path = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        raise SystemExit("no firefox (apt-get install firefox-esr)")
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
