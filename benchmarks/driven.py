"""A tab that a driver moves, by the names that a page of Playwright has: only what is needed here."""

from __future__ import annotations

import math
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

ANSWER_S = 60
MODIFIERS = {"Control": "\ue009", "Shift": "\ue008"}


def aimed(place: float) -> int:
    """Give the whole pixel at which a driver, which knows no others, really aims."""
    return math.floor(place + 0.5)


def program(variable: str, names: Sequence[str], package: str) -> str:
    """Find a program of this machine, or the one that a variable of the environment names."""
    for path in (os.environ.get(variable), *map(shutil.which, names)):
        if path is not None:
            return path
    raise SystemExit(f"no {names[0]} (apt-get install {package})")


class Driven(ABC):
    """One tab; mouse and keyboard are said in WebDriver's actions."""

    def __init__(self) -> None:
        self.mouse = SimpleNamespace(click=self._click, move=self._move)
        self.keyboard = SimpleNamespace(press=self._press)

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Let time go by."""
        time.sleep(milliseconds / 1000)

    @abstractmethod
    def _do(self, sources: list[dict[str, Any]]) -> None: ...

    def _move(self, x: float, y: float) -> None:
        # A driver would round them itself; a hand's mouse knows parts of CSS pixels.
        at = {"type": "pointerMove", "x": aimed(x), "y": aimed(y)}
        self._do([{"type": "pointer", "id": "pointer", "actions": [at]}])

    def _click(self, x: float, y: float, button: str = "left") -> None:
        self._move(x, y)
        number = {"left": 0, "right": 2}[button]
        press = [{"type": name, "button": number} for name in ("pointerDown", "pointerUp")]
        self._do([{"type": "pointer", "id": "pointer", "actions": press}])

    def _press(self, keys: str) -> None:
        held = [MODIFIERS.get(key, key) for key in keys.split("+")]
        down = [{"type": "keyDown", "value": key} for key in held]
        up = [{"type": "keyUp", "value": key} for key in reversed(held)]
        self._do([{"type": "key", "id": "key", "actions": [*down, *up]}])
