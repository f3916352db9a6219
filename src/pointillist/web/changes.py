"""Whether a project's folder still holds the files, and says of them, what it did when it was opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pointillist.core.errors import InputErrors
from pointillist.data.declaration import FILE_NAME
from pointillist.data.item import COMPANIONS, Files, Item
from pointillist.data.layout import Layout, survey
from pointillist.data.split import SPLITS
from pointillist.web.identity import State, state_of


class Changes:
    """Files that came, went or were renamed since, and another declaration.

    That an image was replaced is seen when it is read.

    Args:
        root: the project's folder, before its files are listed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._states = dict(_states(root))

    def any(self, before: Layout) -> bool:
        """Whether the files are others than before; of 200,000 that are not, this takes no time.

        They are until the project is opened again, however often that fails.

        Raises:
            InputError: there is something wrong with them now.
        """
        states = dict(_states(self._root))
        if states == self._states:
            return False
        now = survey(self._root)
        if now.problems:
            raise InputErrors(now.problems)
        if now.declaration != before.declaration or _found(now) != _found(before):
            return True
        self._states = states
        return False


def _found(layout: Layout) -> list[tuple[Item, Files]]:
    return [(item, item.found) for item in layout.items]


def _states(root: Path) -> Iterator[tuple[Path, State | None]]:
    """Give what changes with the declaration, and with each folder in which files of a project may lie."""
    declared = root / FILE_NAME
    yield declared, state_of(declared)
    for part in (root, *(root / split for split in SPLITS)):
        for folder in (part, part / "images", *(part / kind for kind in COMPANIONS)):
            yield folder, state_of(folder)
