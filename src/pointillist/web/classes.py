"""What the classes of a project are called, and by which numbers its store knows them."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pointillist.core.errors import InputError
from pointillist.core.marks import Dense, Mark, classes_of, relabelled
from pointillist.core.shapes import IGNORE
from pointillist.core.text import counted
from pointillist.web.commit import RefusedError


def number_classes(
    connection: sqlite3.Connection, declared: Sequence[str], renamed: Mapping[str, str], file: Path
) -> dict[str, int]:
    """Give the number by which a store knows each class, for good; new ones get the next.

    A store that knows no names yet, new or of an earlier version, takes the declared ones in their order:
    that is what its labels have meant so far.

    Args:
        connection: to the store, within a transaction.
        declared: the names of today.
        renamed: today's name by the one before.
        file: which declares them.

    Raises:
        InputError: a name with marks has gone.
    """
    known = dict(connection.execute("SELECT name, number FROM classes").fetchall())
    for old, new in renamed.items():
        if old in known and new not in known:
            known[new] = known.pop(old)
            connection.execute("UPDATE classes SET name = ? WHERE name = ?", (new, old))
    if gone := {number: name for name, number in known.items() if name not in declared}:
        _refuse(connection, gone, file)
    for name in declared:
        if name not in known:
            known[name] = len(known)
            connection.execute("INSERT INTO classes (number, name) VALUES (?, ?)", (known[name], name))
    return known


def _refuse(connection: sqlite3.Connection, gone: Mapping[int, str], file: Path) -> None:
    """Refuse classes that have gone, where there are marks on them."""
    images: dict[int, list[str]] = defaultdict(list)
    last = "SELECT target, kind AS how, MAX(number) FROM events GROUP BY target"
    there = f"events JOIN ({last}) USING (target) WHERE kind = 'add' AND how != 'undo'"
    for image, body in connection.execute(f"SELECT image, body FROM {there}"):
        mark = json.loads(body)["mark"]
        dense = mark["kind"] == "dense"
        for label in classes_of(Dense.model_validate(mark)) if dense else (mark["label"],):
            if label in gone:
                images[label].append(image)
    if not images:
        return
    found = [
        f"none called {gone[number]!r}, with {counted(len(on), 'marks')} on {counted(len(set(on)), 'images')}"
        for number, on in sorted(images.items())
    ]
    first = gone[min(images)]
    fix = f"Restore the name. If the class has a new one, say so: 'renamed: {{{first}: NEW NAME}}'."
    raise InputError("classes must hold every class that marks are on", "; ".join(found), fix, file)


class Classes:
    """Carries marks between the classes of today and the numbers of the store.

    Args:
        declared: the names of today, in their order.
        numbers: of the store, by name; classes that have gone among them.
        renamed: today's name by the one before.
    """

    def __init__(
        self, declared: Sequence[str], numbers: Mapping[str, int], renamed: Mapping[str, str] | None = None
    ) -> None:
        self.declared = tuple(declared)
        self._renamed = dict(renamed or {})
        self._in, self._out = np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8)
        # A number that has no name stays as it is: it lies behind all names, and none is given to it.
        self._out[list(numbers.values())] = IGNORE
        for index, name in enumerate(self.declared):
            self._in[index], self._out[numbers[name]] = numbers[name], index
        self._same = bool((self._in == self._out).all() and (self._in == np.arange(256)).all())

    def today(self, mark: Mark, called: str | None) -> Mark:
        """Give a mark as of today's classes.

        Args:
            mark: from a page, which may have been opened before the classes were changed.
            called: the class's name there; None: the page does not say.

        Raises:
            RefusedError: there is no such class any more. The page keeps the mark.
        """
        if called is None or isinstance(mark, Dense):
            return mark
        name = self._renamed.get(called, called)
        if name not in self.declared:
            must = "a mark must be on one of the project's classes"
            raise RefusedError(must, f"one on {called!r}", "Restore its name in pointillist.yaml.")
        return mark.model_copy(update={"label": self.declared.index(name)})

    def stored(self, mark: Mark) -> Mark:
        """Give a mark of today's classes in the store's numbers."""
        return mark if self._same else relabelled(mark, self._in)

    def shown(self, mark: Mark) -> Mark | None:
        """Give a stored mark in today's classes; None: its class has gone."""
        if self._same:
            return mark
        if not isinstance(mark, Dense) and self._out[mark.label] == IGNORE:
            return None
        return relabelled(mark, self._out)
