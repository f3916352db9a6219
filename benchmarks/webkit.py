"""Debian's WebKit, Safari's engine, asked over WebDriver: MiniBrowser on a screen that nobody sees.

Unlike in `firefox.py`, zoom is the browser's own: keys change it, and the page is laid out anew; and clicks
are those of the screen's mouse.
"""

from __future__ import annotations

import base64
import json
import math
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from driven import ANSWER_S, Driven, aimed, program

PACKAGES = "webkit2gtk-driver xvfb xdotool"
BROWSERS = "*/webkit2gtk-4.1/MiniBrowser"
SETTINGS = "[Settings]\ngtk-enable-animations=0\n"
SCREEN = "4096x3072x24"
STEP = 1.2
"""What a press of Ctrl and + multiplies MiniBrowser's zoom by."""
TRIES = 3
FURTHEST_OUT = -3
"""Steps; a fourth would be smaller than half, which it refuses."""


class Page(Driven):
    """The window's one tab.

    Args:
        driver: address of the driver.
        session: of it.
        screen: environment of the browser.
        density: of the screen.
    """

    def __init__(self, driver: str, session: str, screen: dict[str, str], density: int) -> None:
        super().__init__()
        self._at, self._screen = f"{driver}/session/{session}", screen
        self._zoom, self._density = 1.0, density

    def _ask(self, method: str, what: str, **given: Any) -> Any:
        return _ask(f"{self._at}{what}", method, given)

    def goto(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self._ask("POST", "/url", url=address)

    def evaluate(self, function: str, argument: str | None = None) -> Any:
        """Call a function with a text; what it gives must be JSON."""
        return self._ask(
            "POST", "/execute/sync", script=f"return ({function})(arguments[0])", args=[argument]
        )

    def screenshot(self, scale: str) -> bytes:
        """Give what the page shows, as PNG, in the screen's pixels."""
        assert scale == "device"
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def resize(self, width: int, height: int) -> None:
        """Make the window as large as this, with the browser's bar."""
        self._ask("POST", "/window/rect", width=width, height=height)

    def zoom(self, steps: int) -> None:
        """Zoom as a person does, by keys: out, where negative."""
        found = self._xdotool("search", "--onlyvisible", "--class", "MiniBrowser").split()
        for _ in range(abs(steps)):
            wide = self.evaluate("() => innerWidth")
            self._xdotool("windowfocus", found[-1], "key", "ctrl+equal" if steps > 0 else "ctrl+minus")
            deadline = time.monotonic() + ANSWER_S
            while self.evaluate("() => innerWidth") == wide:
                if time.monotonic() > deadline:
                    raise SystemExit("the browser does not zoom")
                self.wait_for_timeout(20)
        self._zoom *= STEP**steps

    def close(self) -> None:
        """Close the window."""
        self._ask("DELETE", "")

    def _move(self, x: float, y: float) -> None:
        # By the screen's own mouse: after a right click of WebKit's driver the page gets no pointer's events.
        bar = self.evaluate("() => outerHeight") - round(
            self.evaluate("() => visualViewport.height") * self._zoom
        )
        at = (aimed(x * self._zoom), aimed(y * self._zoom) + bar)
        self._xdotool("mousemove", *(str(place * self._density) for place in at))

    def _click(self, x: float, y: float, button: str = "left") -> None:
        self._move(x, y)
        self._xdotool("click", {"left": "1", "right": "3"}[button])

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._screen, check=True, capture_output=True, text=True
        )
        return done.stdout

    def _do(self, sources: list[dict[str, Any]]) -> None:
        self._ask("POST", "/actions", actions=sources)


class WebKit:
    """A screen, on which windows are opened.

    Args:
        screen: environment of what is shown on it.
    """

    name = "WebKitGTK"
    about = (
        "Zoom is the browser's own, the nearest that its keys reach (powers of 1.2); so is density. It is "
        "driven by the window's whole pixels; how far these lie beside a landmark is taken off."
    )

    def __init__(self, screen: dict[str, str]) -> None:
        self._screen = screen
        if (browser := next(Path("/usr/lib").glob(BROWSERS), None)) is None:
            raise SystemExit(f"no {BROWSERS} under /usr/lib (apt-get install {PACKAGES}, Debian 12)")
        self._browser = str(browser)
        told = subprocess.run([self._browser, "--version"], capture_output=True, text=True, env=screen)
        self.version = told.stdout.split()[-1]

    @contextmanager
    def opened(self, width: int, height: int, scale: float) -> Iterator[Page]:
        """Open a browser on a screen of this density, a whole number, and close it in the end."""
        if scale != round(scale):
            raise SystemExit(f"WebKit's screens have whole densities, not {scale:g}")
        screen = {**self._screen, "GDK_SCALE": f"{scale:g}"}
        with ExitStack() as ended:
            process = subprocess.Popen(
                [
                    program("WEBKIT_DRIVER", ("WebKitWebDriver",), PACKAGES),
                    f"--port={(port := _free_port())}",
                    "--replace-on-new-session",
                ],
                env=screen,
                stderr=subprocess.DEVNULL,
            )
            ended.callback(process.wait)
            ended.callback(process.terminate)
            driver = f"http://127.0.0.1:{port}"
            _until_it_listens(driver)
            session = self._begin(driver)
            page = Page(driver, session, screen, round(scale))
            ended.callback(page.close)
            page.resize(width, height)
            yield page

    def _begin(self, driver: str) -> str:
        options = {"binary": self._browser, "args": ["--automation"]}
        wished = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        for _ in range(TRIES - 1):
            # On a busy machine the driver may wait for ever for a browser that has begun.
            with suppress(OSError):
                return str(_ask(f"{driver}/session", "POST", {"capabilities": wished})["sessionId"])
        return str(_ask(f"{driver}/session", "POST", {"capabilities": wished})["sessionId"])

    @contextmanager
    def zoomed(self, width: int, height: int, zoom: float, density: float) -> Iterator[tuple[Page, float]]:
        """Open a window, zoomed as close to this as the browser's keys come."""
        steps = max(FURTHEST_OUT, round(math.log(zoom, STEP)))
        with self.opened(width, height, density) as page:
            page.goto("about:blank")
            page.zoom(steps)
            yield page, STEP**steps

    def aimed(self, places: np.ndarray, zoom: float) -> np.ndarray:
        """Give where clicks at places, in CSS pixels, really aim."""
        return np.floor(places * zoom + 0.5) / zoom


@contextmanager
def webkit() -> Iterator[WebKit]:
    """Begin a screen that nobody sees, with settings of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        settings = Path(home) / "gtk-3.0" / "settings.ini"
        settings.parent.mkdir()
        settings.write_text(SETTINGS)
        read, write = os.pipe()
        command = [program("XVFB", ("Xvfb",), PACKAGES), "-displayfd", str(write), "-screen", "0", SCREEN]
        with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process:
            os.close(write)
            try:
                with os.fdopen(read) as said:
                    display = said.readline().strip()
                own = {"DISPLAY": f":{display}", "XDG_CONFIG_HOME": home, "LIBGL_ALWAYS_SOFTWARE": "1"}
                yield WebKit({**os.environ, **own})
            finally:
                process.terminate()


def _free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def _until_it_listens(driver: str) -> None:
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            return _ask(f"{driver}/status", "GET", {})
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("the driver does not listen") from None
            time.sleep(0.05)


def _ask(address: str, method: str, given: dict[str, Any]) -> Any:
    body = json.dumps(given).encode() if method == "POST" else None
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{address}: {error.read().decode()}") from None
