"""The images of a project: opaque ids, and what people have drawn on each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, lru_cache
from math import ceil, sqrt
from pathlib import Path
from typing import Literal

from pointillist.core.annotation import Annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError, InputErrors
from pointillist.core.known import Known
from pointillist.core.marks import Dense, Mark, Points
from pointillist.core.raster import to_labels
from pointillist.core.shapes import MaskArray
from pointillist.data.declaration import FILE_NAME
from pointillist.datasets import Folder
from pointillist.web.beside import OWN, take_over
from pointillist.web.changes import Changes
from pointillist.web.classes import Classes
from pointillist.web.commit import AnyEvent, RefusedError
from pointillist.web.events import Add, OnImage, Redo, replay
from pointillist.web.identity import Identity
from pointillist.web.pictures import Pictures, in_words
from pointillist.web.store import Store

HOME = ".pointillist"
_AGAIN = "Draw it again."
FINE = 1 << 22
"""Pixels up to which each that is labelled is shown and learnt on its own."""
ANNOTATIONS_KEPT = 64
GONE = "its file is no longer there; its marks are kept. Put it back under this name."


class Project:
    """A folder of images that people annotate; what they draw lies in its folder ``.pointillist``.

    Args:
        root: as of the data set ``folder``.

    Raises:
        InputError: the folder holds no images, or its store is damaged.
    """

    def __init__(self, root: Path) -> None:
        self._changes = Changes(root)
        self.data = Folder(root=root, size=None)
        self.home = root / HOME
        self.splits = {entry.name: entry.split for entry in self.data.entries}
        self.store = Store(store_of(root))
        with ExitStack() as failing:  # What can't be opened leaves the store to whoever has it open.
            failing.callback(self.store.close)
            failing.callback(self.store.call_classes, self.store.class_names())
            self._open()
            failing.pop_all()

    def _open(self) -> None:
        declared, renamed = self.data.classes, self.data.layout.declaration.renamed or {}
        numbers = self.store.classes(declared, renamed, self.data.root / FILE_NAME)
        self.classes = Classes(declared, numbers, renamed)
        # No request is ever joined to a path: it names an id, and ids are looked up here.
        self.names = {self.key(name): name for name in self.splits}
        self.pictures = Pictures(self.data, self._confirm)
        self.title = self.data.root.absolute().name
        # Several things ask for the same one after each click: of many marks it takes long to read.
        self._annotated = lru_cache(ANNOTATIONS_KEPT)(self._read_annotation)
        self._identity = Identity(
            self.store,
            lambda name: self.data.item(name).image,
            self.pictures.size,
            self.pictures.sample,
            self.data.read,
        )
        take_over(self.data, self.store, self.classes, self._identity)
        # A name from a store that came from elsewhere may be a path.
        gone = sorted(name for name in self.store.images() if name not in self.splits)
        self.missing = tuple(
            name for name in gone if Path(name).name == name and self.on_image(name)[0].marks
        )
        """Images with marks whose files are no longer there."""

    @cached_property
    def generation(self) -> str:
        """What changes with the classes and the files: a page that shows another one's is out of date."""
        said = hashlib.sha256(
            f"{self.store.project} {self.data.layout.declaration.model_dump_json()}".encode()
        )
        for item in self.data.layout.items:
            said.update(f"{item.name} {item.split} {item.found.image} {item.found.companions}\n".encode())
        return said.hexdigest()[:16]

    def name(self, opaque: str) -> str:
        """Look up an image.

        Raises:
            UnknownImageError: there is none of that id.
        """
        if opaque not in self.names:
            raise UnknownImageError
        return self.names[opaque]

    def key(self, name: str) -> str:
        """Give the id of an image; another project's differ."""
        return hashlib.sha256(f"{self.store.project} {name}".encode()).hexdigest()[:16]

    def skipped(self) -> dict[str, str]:
        """Say by name which images can't be shown, as far as is known, and why."""
        return self.pictures.unreadable() | dict.fromkeys(self.missing, GONE)

    def outdated(self) -> bool:
        """Whether files have come or gone since the project was opened.

        Raises:
            InputError: with those that are there now none could be opened.
        """
        return self._changes.any(self.data.layout)

    def file_of(self, name: str) -> str:
        """Give the SHA-256 of an image's file.

        Raises:
            InputError: it can't be read, or is of another image than was annotated.
        """
        self._confirm(name)
        return self._identity.file(name)

    def on_image(self, name: str) -> tuple[OnImage, int]:
        """Give what is on an image, and the number of its last event."""
        events, revision = self.store.events(name)
        state = replay(events)
        return OnImage(self._shown(state.marks), self._shown(state.undone)), revision

    def authors(self, name: str, client: str | None) -> dict[str, Literal["me", "import"]]:
        """Say which marks on an image a client drew, and which came with the images; not whose others are."""
        own = self.store.drawn_by(name, client) if client else ()
        return {**dict.fromkeys(self.store.drawn_by(name, OWN.hex), "import"), **dict.fromkeys(own, "me")}

    def checked(self, name: str, events: Sequence[AnyEvent]) -> list[AnyEvent]:
        """Give events as they are stored; refuse marks that don't lie on the image, or on no class.

        Raises:
            RefusedError: the first that is wrong, or on a class that has gone.
            InputError: the image can't be read now.
        """
        events = [self._today(event) for event in events]
        self._check_shown(name, {event.file for event in events if isinstance(event, Add)} - {None})
        self._check(name, [event.mark for event in events if isinstance(event, Add)])
        if any(isinstance(event, Redo) for event in events):
            self._check_back(name, events)
        return [
            event.model_copy(update={"mark": self.classes.stored(event.mark)})
            if isinstance(event, Add)
            else event
            for event in events
        ]

    def _today(self, event: AnyEvent) -> AnyEvent:
        if not isinstance(event, Add):
            return event
        return event.model_copy(update={"mark": self.classes.today(event.mark, event.called)})

    def _check_shown(self, name: str, files: Collection[str | None]) -> None:
        """Refuse marks that were drawn on other pixels than are there now: they would lie elsewhere."""
        if files and not self._identity.shows(name, files):
            must = "the image's file must be the one that was shown when this was drawn"
            raise RefusedError(must, "one that was put in its place since", "Look at the image anew.")

    def _check_back(self, name: str, events: Sequence[AnyEvent]) -> None:
        """Refuse to put back a mark whose class has gone."""
        drawn = {event.id: event.mark for event in self.store.events(name)[0] if isinstance(event, Add)}
        for event in events:
            if isinstance(event, Redo) and event.of in drawn and self.classes.shown(drawn[event.of]) is None:
                must = "a mark that is put back must be on one of the project's classes"
                raise RefusedError(must, "one on a class that has gone", "Restore it in pointillist.yaml.")

    def _shown(self, marks: Mapping[str, Mark]) -> dict[str, Mark]:
        shown = {key: self.classes.shown(mark) for key, mark in marks.items()}
        return {key: mark for key, mark in shown.items() if mark is not None}

    def _check(self, name: str, marks: Sequence[Mark]) -> None:
        if marks:
            self._identity.check(name)
            if any(isinstance(mark, Points) and not mark.at for mark in marks):
                raise RefusedError("points must be one at least", "none", _AGAIN)
            try:
                self._annotation(name, marks)
            except InputError as error:
                # What was found is the whole annotation: the words say enough of the mark.
                must = error.expected.removeprefix("Annotation: ")
                raise RefusedError(must, "one that does not hold to it", _AGAIN) from None

    def annotation(self, name: str) -> Annotation | None:
        """Give what was drawn on an image; None: nothing.

        Raises:
            InputError: a stored mark can't be, as one on a class that there is none of; or another image lies
                there now than was annotated.
        """
        if name in self.splits:
            self._confirm(name)
        return self._annotated(name, self.store.revision(name))

    def _read_annotation(self, name: str, _revision: int) -> Annotation | None:
        marks = list(self.on_image(name)[0].marks.values())
        if not marks:
            return None
        classes = len(self.data.classes)
        found = {mark.label for mark in marks if not isinstance(mark, Dense)}
        if unknown := sorted(label for label in found if label >= classes):
            must = f"every mark must be on one of the {classes} classes, 0 to {classes - 1}"
            fix = "Take it back, or add the class that it is on to the end of classes in pointillist.yaml."
            raise InputError(must, f"one on class {unknown[0]}", fix)
        try:
            return self._annotation(name, marks)
        except InputErrors as error:
            # What was found is the whole annotation: the words say enough of the mark.
            must = error.expected.removeprefix("Annotation: ")
            raise InputError(must, "one that does not hold to it", "Take it back.") from None

    def _confirm(self, name: str) -> None:
        self._identity.confirm(name)

    def known(self, name: str, height: int, width: int) -> Known:
        """Give what the marks on an image say of it, at this size; nothing, where there are none."""
        annotation = self.annotation(name)
        if annotation is None:
            return Known.nothing(len(self.data.classes), height, width)
        return Known.from_annotation(annotation, height, width)

    def drawn(self, name: str) -> MaskArray | None:
        """Give the label map of an image at its full size, or where that is larger, shrunk to `FINE` pixels.

        Returns:
            Every labelled pixel with its own label; None: nothing is drawn.
        """
        annotation = self.annotation(name)
        if annotation is None:
            return None
        shrink = min(1.0, sqrt(FINE / (annotation.height * annotation.width)))
        return to_labels(annotation, ceil(annotation.height * shrink), ceil(annotation.width * shrink))

    def annotations(self, names: Iterable[str]) -> tuple[list[Annotation], dict[str, str]]:
        """Give what was drawn on each of some images, and by name why that of others can't be given."""
        drawn, wrong = [], {}
        for name in names:
            try:
                annotation = self.annotation(name)
            except InputError as error:
                wrong[name] = GONE if name in self.missing else in_words(error)
                continue
            if annotation is not None:
                drawn.append(annotation)
        return drawn, wrong

    def _drawn_at(self, name: str) -> tuple[int, int]:
        """Give an image's size; of a file that is away, as the store knows it."""
        try:
            return self.pictures.size(name)
        except InputError:
            if (size := self.store.size(name)) is None:
                raise
            return size

    def _annotation(self, name: str, marks: Sequence[Mark]) -> Annotation:
        height, width = self._drawn_at(name)
        described = {
            "name": name,
            "height": height,
            "width": width,
            "classes": self.data.classes,
            "marks": [mark.model_dump() for mark in marks],
        }
        return validated(Annotation, described)


def store_of(root: Path) -> Path:
    """Give the place of a project's store."""
    return root / HOME / "annotations.sqlite"


class UnknownImageError(Exception):
    """A request names no image of the project."""
