"""Whether a project's folder still holds the files that it held when the project was opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pointillist.core.errors import InputErrors
from pointillist.data.item import COMPANIONS
from pointillist.data.layout import Layout, survey
from pointillist.data.split import SPLITS


class Changes:
    """Files that came, went or were renamed since; that one was replaced is seen when it is read.

    Args:
        root: the project's folder, before its files are listed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._times = dict(_times(root))

    def any(self, before: Layout) -> bool:
        """Whether the files are others than before; of 200,000 that are not, this takes no time.

        Raises:
            InputError: there is something wrong with them now.
        """
        times = dict(_times(self._root))
        if times == self._times:
            return False
        now = survey(self._root)
        if now.problems:
            raise InputErrors(now.problems)
        self._times = times
        return [(item, item.found) for item in now.items] != [(item, item.found) for item in before.items]


def _times(root: Path) -> Iterator[tuple[Path, int]]:
    """Say when each folder in which files of a project may lie has changed last."""
    for part in (root, *(root / split for split in SPLITS)):
        for folder in (part, part / "images", *(part / kind for kind in COMPANIONS)):
            with suppress(OSError):
                yield folder, folder.stat().st_mtime_ns
