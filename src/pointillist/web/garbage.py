"""When Python looks for garbage: hardly ever while someone clicks, for everyone waits meanwhile.

With 30,000 marks a look through all objects took .25 s, with 150,000 one second, several times a minute. It
found nothing: objects in a circle, the only ones that need it, are hardly ever made here.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 700, 10, 10_000
"""Python's own, but for the last: so many looks at younger objects before one at all, in place of ten."""


@contextmanager
def none_meanwhile() -> Iterator[None]:
    """Look for none while a project is opened: of 200,000 images that took nearly half of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def keep_garbage_for_later() -> None:
    """Never look again at what is there now, which stays; and at all that comes only very rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
