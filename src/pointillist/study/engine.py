"""What carries out the runs of a study, wherever that is."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pointillist.core.durable import LockedError, disk_in_words
from pointillist.core.errors import InputError

TRIES = 3
"""How often a task is begun before it counts as failed."""
LAST_LINES = 50
"""Of a task's traceback, kept as the reason."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What limits a process to its share of the cores, set before torch is imported."""

Payload: TypeAlias = dict[str, Any]
"""Plain data: it may travel to another process or machine. Engines add `tries`, how often it was begun."""
Work: TypeAlias = Callable[[Payload], None]
"""A function of a module; what it has to say it writes to files."""


@dataclass(frozen=True)
class Started:
    """One task was begun.

    Args:
        number: of the task, in the order given.
        tries: how often, with this time.
    """

    number: int
    tries: int


@dataclass(frozen=True)
class Outcome:
    """How one task ended.

    Args:
        number: of the task, in the order given.
        error: why it failed, in words; None: it is done.
        tries: how often it was begun.
    """

    number: int
    error: str | None
    tries: int


News: TypeAlias = Generator[Started | Outcome, None, None]
"""What begins and ends, as it does; closed early, it ends all that still goes on."""


@runtime_checkable
class Engine(Protocol):
    """Carries out tasks that don't depend on each other; one that fails leaves the others alone.

    `workers` is how many tasks go on at a time.
    """

    workers: int

    def run(self, work: Work, payloads: Sequence[Payload]) -> News:
        """Carry out the work on each payload, and tell what begins and ends as it does."""


def attempt(work: Work, payload: Payload) -> tuple[str | None, bool]:
    """Do one task; return what went wrong, in words, and whether to try again would be in vain."""
    try:
        work(payload)
    except InputError as error:
        return str(error), not isinstance(error, LockedError)
    except Exception as error:
        if isinstance(error, OSError) and (told := disk_in_words(error)) is not None:
            return told, True
        return "\n".join(traceback.format_exc().splitlines()[-LAST_LINES:]), False
    return None, True
