"""Of several attempts at one run the newest alone may write: one that was given up may go on elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pointillist.core import durable

Token: TypeAlias = tuple[int, int]
"""Which driver of the study began an attempt, and its which: later ones are greater."""
NEWEST = "newest.json"
PATIENCE_S = 60.0
"""How long an attempt waits while others look at the fence."""


class LateError(Exception):
    """A newer attempt at the same run has begun: what this one found is not taken."""


class Fence:
    """One attempt's leave to write: a fencing token, kept in the study's folder.

    A machine that the network cuts off is given up, and its runs are begun elsewhere. It may come back, and
    go on where it was. No lock helps, since whoever holds it may have been given up; that every attempt has a
    number, and that what is written is compared with the greatest seen so far, does (Gray and Cheriton 1989;
    here the store is a folder, so that comparing and writing are done under its lock).

    Args:
        folder: of the study.
        run: the id of the run.
        token: of this attempt.
    """

    def __init__(self, folder: Path, run: str, token: Token) -> None:
        self._folder, self._token = folder / "attempts" / run, token
        self._file = self._folder / NEWEST

    def claim(self) -> None:
        """Begin: from now on, no older attempt may write.

        Raises:
            LateError: a newer one has begun before.
        """
        with self.held():
            durable.write_json(self._file, list(self._token))

    def check(self) -> None:
        """See that no newer attempt has begun.

        Raises:
            LateError: one has.
        """
        if (newest := _token(self._file)) > self._token:
            which = "attempt {1} of driver {0}".format
            raise LateError(
                f"{which(*newest)} has begun, after {which(*self._token)}: its result alone is taken"
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Write while no other attempt can begin.

        Raises:
            LateError: a newer one has begun.
            LockedError: another process holds the fence for longer than this one waits.
        """
        must = "attempts must compare their numbers one at a time"
        with durable.locked(self._folder, must, "It is tried again.", PATIENCE_S):
            self.check()
            yield


def next_driver(folder: Path) -> int:
    """Give this driver of a study a number above those of all before, also when its own record is damaged."""
    record = folder / "attempts" / "driver.json"
    number = 1 + max(_token(path)[0] for path in (record, *record.parent.glob(f"*/{NEWEST}")))
    durable.write_json(record, [number, 0])
    return number


def _token(path: Path) -> Token:
    """Read what was written last; nothing, or what is damaged, is older than all."""
    try:
        driver, tries = json.loads(path.read_bytes())
        return int(driver), int(tries)
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return 0, 0
