"""When Python looks for garbage: hardly ever while someone clicks, for everyone waits meanwhile.

With 30,000 marks a look through all objects took .25 s, with 150,000 one second, several times a minute. It
found nothing: objects in a circle, the only ones that need it, are hardly ever made here.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 700, 10, 10_000
"""Python's own, but for the last: so many looks at younger objects before one at all, in place of ten."""


def keep_garbage_for_later() -> None:
    """Never look again at what is there now, which stays; and at all that comes only very rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
