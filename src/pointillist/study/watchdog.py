"""A task that hangs ends its process, and leaves word of where it stood."""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pointillist.core.beside import beside

HUNG_S = 600.0
"""How long a task may do nothing before it is taken to hang. A slow one computes, and is waited for."""
LEAST = 2e-4
"""Of a core: less than waiting for a lock takes, more than asking now and then whether a process answers."""


@contextmanager
def watched(told: int, hung_s: float = HUNG_S, lively: Callable[[], None] = lambda: None) -> Iterator[None]:
    """End this process, with exit code 1, when the thread that enters has used no processor time for so long.

    A thread of Python puts the end off as long as it sees the task compute. The end itself comes from a timer
    of the interpreter that needs nothing of Python: a library that hangs and holds the interpreter's lock
    silences the thread, and is ended all the same. Windows and macOS tell no thread's time: there nothing
    is watched.

    Args:
        told: the open file that takes where every thread stood, by its number.
        hung_s: how long nothing may happen.
        lively: called now and then while the task computes.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        yield
        return
    clock = time.pthread_getcpuclockid(threading.get_ident())
    every = hung_s / 20

    def look_on(ended: threading.Event) -> None:
        spent = time.clock_gettime(clock)
        while not ended.wait(every):
            before, spent = spent, time.clock_gettime(clock)
            if spent - before > LEAST * every:
                faulthandler.dump_traceback_later(hung_s, exit=True, file=told)
                lively()

    faulthandler.dump_traceback_later(hung_s, exit=True, file=told)
    try:
        with beside(look_on, "watchdog"):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
