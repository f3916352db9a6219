"""Which file was annotated under each name: clicks on another image would lie elsewhere."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import numpy as np

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.data.container import open_regular
from pointillist.data.decode import image_orientation
from pointillist.web.commit import RefusedError
from pointillist.web.store import Seen, Store

State = tuple[int, int, int]
"""Of a file: its inode, its size and when it was changed."""


class Identity:
    """Notes the files that are annotated, and refuses others under their names.

    Args:
        store: where it is noted.
        path: gives the file of an image by its name.
        size: gives its upright height and width.
        sample: decodes it, and may keep it.
        read: decodes it anew.
    """

    def __init__(
        self,
        store: Store,
        path: Callable[[str], Path],
        size: Callable[[str], tuple[int, int]],
        sample: Callable[[str], Sample],
        read: Callable[[str], Sample],
    ) -> None:
        self.store, self.path, self.size, self.sample, self.read = store, path, size, sample, read
        self._known: dict[str, State | None] = {}
        self._files: dict[str, tuple[State | None, str]] = {}
        self._one_by_one = threading.Lock()

    def check(self, name: str) -> None:
        """Note the file of an image that is being annotated.

        Raises:
            RefusedError: another image was annotated under this name.
            InputError: the file can't be read.
        """
        # Of each file once: to read an image for every click would cost more than storing it.
        path = self.path(name)
        state = state_of(path)
        if state is not None and self._known.get(name) == state:
            return
        seen = Seen(self.file(name), *self.size(name), image_orientation(path))
        self.store.remember(name, seen, lambda: _pixels(self.read(name)))
        self._known[name] = state
        noting = threading.Thread(
            target=self._note_pixels, args=(name, seen.file), name="pixels", daemon=True
        )
        noting.start()

    def file(self, name: str) -> str:
        """Give the SHA-256 of an image's file as it is now; of each file it is worked out once.

        Raises:
            InputError: it can't be read.
        """
        path = self.path(name)
        state = state_of(path)
        if state is None or self._files.get(name, (None, ""))[0] != state:
            self._files[name] = state, _hash(path)
        return self._files[name][1]

    def shows(self, name: str, files: Collection[str | None]) -> bool:
        """Whether an image's file shows what was drawn on: it is each of these files, or has the same pixels.

        Of a file that nobody had annotated when it was replaced, the pixels are not known.

        Args:
            name: of the image.
            files: by their SHA-256.

        Raises:
            RefusedError: another image was annotated under this name.
            InputError: the file can't be read.
        """
        now = self.file(name)
        if not set(files) <= {now, self.store.file(name)}:
            return False
        if set(files) != {now}:
            self.check(name)
        return True

    def confirm(self, name: str) -> None:
        """Make sure that marks on an image are shown and learnt on the image on which they were drawn.

        Of one whose file is away nothing is said here.

        Raises:
            InputError: another image lies there now, or the file can't be read.
        """
        if self.store.size(name) is None or state_of(self.path(name)) is None:
            return
        try:
            self.check(name)
        except RefusedError as error:
            raise InputError(error.expected, error.found, error.fix) from None

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
                self._known.pop(name, None)
                return
            # Of another file that came meanwhile they are not noted.
            with suppress(InputError):
                self.store.note_pixels(name, _hash(self.path(name)), pixels)


def state_of(path: Path) -> State | None:
    """Give what changes when a file is replaced; None: it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _pixels(sample: Sample) -> str:
    return hashlib.sha256(np.ascontiguousarray(sample.image).data).hexdigest()


def _hash(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
