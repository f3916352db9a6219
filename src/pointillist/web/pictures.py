"""The pixels of a project's images: sizes, samples, tiles, and which can't be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.data.decode import image_size
from pointillist.data.draw import Picture
from pointillist.data.picture import read_eighth, read_picture
from pointillist.datasets import Folder
from pointillist.web.identity import State, state_of
from pointillist.web.kept import Kept
from pointillist.web.tiles import Pyramid

LOOKED_AT = 2000
"""Images whose headers are read before the list of a project is shown."""
KEPT = 1 << 30
"""Bytes of decoded images that stay in memory."""
PYRAMIDS = 1 << 30
"""Bytes of images at all sizes, likewise."""


class Pictures:
    """The images of a folder as they are read, each when somebody asks for it.

    Args:
        data: the folder.
        confirm: called with a name before its pixels are decoded; what it raises is why they are not shown.

    Attributes:
        sample: an image's sample by its name; the last ones asked for stay in memory, each until its file is
            replaced.
        pyramid: likewise an image at all sizes, read from its file as they are asked for.
        broken: images whose pixels could not be read when that was tried last, and why, in words.
    """

    def __init__(self, data: Folder, confirm: Callable[[str], None]) -> None:
        self._data, self._confirm = data, confirm
        self._names = [entry.name for entry in data.entries]
        self.sample = Kept(self._read, lambda sample: sample.image.nbytes, KEPT, self.state)
        self.pyramid = Kept(self._pyramid, lambda one: one.bytes, PYRAMIDS, self.state)
        self.broken: dict[str, str] = {}
        self._sizes: dict[str, tuple[int, int] | InputError] = {}
        self._measured: dict[str, State | None] = {}

    def size(self, name: str) -> tuple[int, int]:
        """Height and width of an image, upright, as its file's header tells; read once.

        Raises:
            InputError: it can't be read.
        """
        # What could not be read is tried again: a folder that was away may be back.
        state = self.state(name)
        if not isinstance(self._sizes.get(name), tuple) or state not in (None, self._measured[name]):
            self._measured[name] = state
            try:
                self._sizes[name] = image_size(self._data.item(name).image)
            except InputError as error:
                self._sizes[name] = error
        found = self._sizes[name]
        if isinstance(found, InputError):
            raise found
        return found

    def state(self, name: str) -> State | None:
        """Give what changes when an image's file is replaced; None: it is not there now."""
        return state_of(self._data.item(name).image)

    def readable(self, name: str) -> bool:
        """Whether an image can be shown, as far as is known: a broken one keeps nobody from the others.

        Of a large project no header is read for this: its list would take a minute to come. There an image
        is found to be broken when somebody, or the scout, comes to it.
        """
        if len(self._names) <= LOOKED_AT and self.known_size(name) is None:
            with suppress(InputError):
                self.size(name)
        return not isinstance(self._sizes.get(name), InputError)

    def known_size(self, name: str) -> tuple[int, int] | None:
        """Height and width of an image whose header has been read."""
        found = self._sizes.get(name)
        return None if isinstance(found, InputError) else found

    def unreadable(self) -> dict[str, str]:
        """Say by name which images can't be shown, as far as is known, and why."""
        broken = {name: self._sizes[name] for name in self._names if not self.readable(name)}
        return {name: in_words(error) for name, error in broken.items() if isinstance(error, InputError)}

    def _pyramid(self, name: str) -> Pyramid:
        path, known = self._data.item(name).image, self._data.value_range
        height, width = self.size(name)

        def full() -> Picture:
            with self._noting(name):
                return read_picture(path, known)

        return Pyramid(height, width, full, lambda: read_eighth(path))

    def _read(self, name: str) -> Sample:
        with self._noting(name):
            return self._data.read(name)

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Note whether an image could be read: a header tells nothing of torn or foreign pixels."""
        try:
            self._confirm(name)
            yield
        except InputError as error:
            self.broken[name] = in_words(error)
            raise
        self.broken.pop(name, None)


def in_words(error: InputError) -> str:
    """Say what is wrong without the file's path, or what a file holds: that may be no image at all."""
    found = f"; got {error.found}" if error.file is None else ""
    return f"{error.expected}{found}. {error.fix}"
