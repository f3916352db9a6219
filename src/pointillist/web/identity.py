"""Which file was annotated under each name: clicks on another image would lie elsewhere."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.data.container import open_regular
from pointillist.data.decode import image_orientation
from pointillist.web.store import Seen, Store


class Identity:
    """Notes the files that are annotated, and refuses others under their names.

    Args:
        store: where it is noted.
        path: gives the file of an image by its name.
        size: gives its upright height and width.
        sample: decodes it.
    """

    def __init__(
        self,
        store: Store,
        path: Callable[[str], Path],
        size: Callable[[str], tuple[int, int]],
        sample: Callable[[str], Sample],
    ) -> None:
        self.store, self.path, self.size, self.sample = store, path, size, sample
        self._noted: set[str] = set()
        self._one_by_one = threading.Lock()

    def check(self, name: str) -> None:
        """Note the file of an image that is being annotated.

        Raises:
            RefusedError: another image was annotated under this name.
            InputError: the file can't be read.
        """
        # Once in a server's life: to read an image for every click would cost more than storing it.
        if name not in self._noted:
            path = self.path(name)
            seen = Seen(_hash(path), *self.size(name), image_orientation(path))
            self.store.remember(name, seen, lambda: _pixels(self.sample(name)))
            self._noted.add(name)
            noting = threading.Thread(
                target=self._note_pixels, args=(name, seen.file), name="pixels", daemon=True
            )
            noting.start()

    def _note_pixels(self, name: str, file: str) -> None:
        """Note the pixels that are annotated; no click waits until they are decoded."""
        # One by one: decoded for this alone, large images would not fit into memory together.
        with self._one_by_one, suppress(OSError, sqlite3.Error):
            if not self.store.pixels_wanted(name):
                return
            try:
                pixels = _pixels(self.sample(name))
            except InputError:
                self.store.forget_file(name, file)
                self._noted.discard(name)
                return
            # Of another file that came meanwhile they are not noted.
            with suppress(InputError):
                self.store.note_pixels(name, _hash(self.path(name)), pixels)


def _pixels(sample: Sample) -> str:
    return hashlib.sha256(np.ascontiguousarray(sample.image).data).hexdigest()


def _hash(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
