"""Ctrl+C while a command still loads what it needs, which takes seconds."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
"""Names of those that ask a command to end, as far as this system has them."""


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let signals end the process, without a word: else they would end in the traceback of some library.

    Those that end it in any case, or that whoever began it lets it ignore, stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # No other thread is told of signals.
        return
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in SIGNALS)}
    heard = {number: handler for number, handler in before.items() if callable(handler)}
    for number in heard:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)


def _end(signum: int, _: FrameType | None) -> None:
    os._exit(128 + signum)
