"""The intake: a folder of images takes what other tools draw on them, and writes all of it or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml

from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError, InputErrors, nearest
from pointillist.core.shapes import IGNORE
from pointillist.core.text import counted
from pointillist.data.declaration import FILE_NAME, UNKNOWN, Declaration
from pointillist.data.decode import SUFFIXES, image_size
from pointillist.data.item import Item, Owners
from pointillist.data.layout import survey
from pointillist.exchange.sheet import Rest, Sheet

Existing = Literal["refuse", "merge", "replace"]
"""What happens to annotation files that are there already."""


class Intake:
    """A folder of images that takes annotations.

    Args:
        root: the folder, with images/ and what else belongs to it.
        classes: our class, "void" or "unlabelled" by their name.
        rest: what pixels are that no mark covers.

    Raises:
        InputError: the folder is wrong, or a class of ours is not declared.
    """

    def __init__(self, root: Path, classes: Mapping[str, str], rest: Rest) -> None:
        layout = survey(root)
        if layout.problems:
            raise InputErrors(layout.problems)
        self.root, self.declaration, self.rest = root, layout.declaration, rest
        self.items: dict[str, Item] = {item.name: item for item in layout.items}
        self.drawn: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.noted: Counter[str] = Counter()
        self.annotations: dict[str, Annotation] = {}
        self.no_image: dict[str, None] = {}
        self._passed: dict[str, None] = {}
        self.undeclared: Counter[str] = Counter()
        self._met: dict[str, None] = {}
        self._called: dict[str, str] = {}
        self._owners = Owners(self.items)
        self._chosen = {theirs.casefold(): self._ours(ours) for theirs, ours in classes.items()}

    @property
    def classes(self) -> tuple[str, ...]:
        """The folder's class names, background first."""
        return self.declaration.classes

    def sheet(self, name: str, size: tuple[int, int] | None, file: Path) -> Sheet | None:
        """Give a sheet for one image; None where there is no such image, which is noted.

        Args:
            name: as the other tool has it, with folders and ending or without.
            size: (height, width) as the other tool has it; None: it does not say.
            file: where that stands, for messages.

        Raises:
            InputError: the image has another size, or can't be read, or has a label map in labels/; or one
                of the same name in another folder has come before.
        """
        owner = self.owner(name)
        if owner is None:
            self.no_image[name] = None
            return None
        self._call(owner, name, file)
        item = self.items[owner]
        height, width = image_size(item.image)
        if size is not None and size != (height, width):
            must = f"what is drawn on {item.image.name} must be of its size, {height} x {width} (upright)"
            fix = "Import what was drawn on this very image."
            if size == (width, height):
                fix = "Height and width are swapped: draw on the upright image, with its EXIF orientation."
            raise InputError(must, f"{size[0]} x {size[1]}", fix, file)
        if item.labels is not None:
            must = f"{owner} must have a label map or an annotation, not both"
            raise InputError(must, f"{item.labels}", "Move the label map away, or leave this out.", file)
        return Sheet(owner, height, width, self.drawn, self.skipped)

    def owner(self, name: str) -> str | None:
        """Find the image of a name, with folders and ending or without; None where there is none."""
        last = PurePosixPath(name.replace("\\", "/"))
        known_ending = last.suffix.lower() in SUFFIXES
        for stem in (last.stem, last.name) if known_ending else (last.name, last.stem):
            if (owner := self._owners.find(stem)) is not None:
                return owner
        return None

    def add(self, sheet: Sheet) -> None:
        """Take a finished sheet; a second one of the same image is drawn over the first."""
        self.take(sheet.to_annotation(self.classes, self.rest))

    def take(self, annotation: Annotation) -> None:
        """Take an annotation that is ours already, of an image of the folder and with its classes.

        One without a mark says nothing, and must not take the place of one that does.
        """
        if not annotation.marks:
            return
        if (before := self.annotations.get(annotation.name)) is not None:
            self.noted["images came more than once: what came later lies over what came before"] += 1
            annotation = before.model_copy(update={"marks": before.marks + annotation.marks})
        self.annotations[annotation.name] = annotation

    def pass_over(self, sheet: Sheet) -> None:
        """Leave an image unlabelled that is listed without an object: none is there, or none marked yet."""
        self._passed[sheet.name] = None

    def label(self, theirs: str) -> int | None:
        """Give the class of a name, IGNORE for what is void; None where the folder declares no such class."""
        key = theirs.casefold()
        self._met[theirs] = None
        if key in self._chosen:
            return self._chosen[key]
        if key in UNKNOWN:
            return IGNORE
        if theirs in self.classes:
            return self.classes.index(theirs)
        folded = [name.casefold() for name in self.classes]
        if key in folded:
            return folded.index(key)
        self.undeclared[theirs] += 1
        return None

    def check(self, path: Path) -> None:
        """Check that something can be written.

        Raises:
            InputError: the folder declares no classes but others are met, or no image was spoken of.
        """
        if self.undeclared and "classes" not in self.declaration.model_fields_set:
            raise self._undeclared()
        if not self.annotations:
            if self.undeclared:
                fix = "Name them by --class THEIRS=OURS."
                raise InputError(
                    "PATH must hold marks of classes that are declared",
                    f"{', '.join(self.undeclared)}",
                    fix,
                    path,
                )
            if self._passed:
                found = f"{counted(len(self._passed), 'images')} without any: {_some(self._passed)}"
                fix = "If they show none, --rest background makes them background."
                raise InputError("PATH must list objects", found, fix, path)
            found = f"none of {len(self.no_image)}: {', '.join(list(self.no_image)[:5])}"
            fix = "Images are found by their file's name without its ending. "
            fix += nearest(PurePosixPath(next(iter(self.no_image), "")).stem, list(self.items)[:100])[:300]
            must = f"PATH must speak of images of {self.root}"
            raise InputError(must, found if self.no_image else "nothing", fix, path)

    def write(self, existing: Existing) -> list[Path]:
        """Write all annotations, each durably; what is there is merged or replaced only on request.

        Raises:
            InputError: some are there already; or one to merge with is wrong. Nothing has been written.
        """
        there = [name for name in self.annotations if self.items[name].annotation is not None]
        if there and existing == "refuse":
            found = f"{len(there)} that are there: {', '.join(there[:5])}"
            fix = "--merge adds to them, --replace puts the new ones in their place."
            raise InputError("annotations must be new", found, fix, self.root)
        if existing == "merge":
            self.annotations |= {name: self._merged(name) for name in there}
        paths = {name: self._path(self.items[name]) for name in self.annotations}
        for name, annotation in self.annotations.items():
            write_annotation(paths[name], annotation)
        return list(paths.values())

    def said(self) -> list[str]:
        """Say what was found and what was not, a line each."""
        drawn = ", ".join(counted(count, noun) for noun, count in self.drawn.items()) or "no marks"
        lines = [f"{counted(len(self.annotations), 'images')}: {drawn}."]
        skipped = [f"{reason} ({count})" for reason, count in self.skipped.items()]
        if self.undeclared:
            counts = ", ".join(f"{name} ({count})" for name, count in self.undeclared.most_common(20))
            skipped.append(f"marks of classes that are not declared: {counts}")
        if self.no_image:
            skipped.append(f"images that are not there ({len(self.no_image)}): {_some(self.no_image)}")
        lines += [f"Skipped: {reason}." for reason in skipped]
        if passed := [name for name in self._passed if name not in self.annotations]:
            lines.append(f"Unlabelled: images without any object ({len(passed)}): {_some(passed)}.")
            lines.append("If they show none, --rest background makes them background.")
        lines += [f"{note[0].upper()}{note[1:]} ({count})." for note, count in self.noted.items()]
        if self.rest == "background":
            lines.append("What no mark covers counts as background.")
        met = {name.casefold() for name in self._met}
        lines += [f"--class {name}=... was never met." for name in self._chosen if name not in met]
        if self.drawn["boxes"]:
            lines.append("Where an image has boxes, what lies outside all of them counts as background.")
        return lines

    def _call(self, owner: str, name: str, file: Path) -> None:
        """Refuse a second image of one name, which lay in another folder elsewhere: one at most is ours."""
        before = self._called.setdefault(owner, name)
        shorter, longer = sorted((_folders(before), _folders(name)), key=len)
        # Who names fewer folders may mean the same image.
        if longer[len(longer) - len(shorter) :] != shorter:
            must = f"what is drawn on {self.items[owner].image.name} must come from one image of that name"
            fix = "Rename one of the two, there and here, or leave it out; of one image, give one path."
            raise InputError(must, f"{before} and {name}", fix, file)
        self._called[owner] = max(before, name, key=lambda one: len(_folders(one)))

    def _ours(self, name: str) -> int:
        if name in UNKNOWN:
            return IGNORE
        if name not in self.classes:
            must = "--class THEIRS=OURS must name a declared class"
            raise InputError(must, repr(name), nearest(name, self.classes + UNKNOWN), self.root / FILE_NAME)
        return self.classes.index(name)

    def _undeclared(self) -> InputError:
        plain = Declaration().classes[0]
        names = [plain, *(name for name in self._met if name.casefold() not in (plain, *UNKNOWN))]
        line = yaml.safe_dump({"classes": names}, default_flow_style=None, allow_unicode=True, width=10**6)
        must = "the classes must be declared, background first"
        found = f"none declared, and {', '.join(list(self.undeclared)[:20])}"
        fix = f"Put this line into it, in the order you want:\n{line.strip()}\n"
        return InputError(must, found, fix + "or name them by --class THEIRS=OURS.", self.root / FILE_NAME)

    def _path(self, item: Item) -> Path:
        return item.annotation or item.home / "annotations" / f"{item.name}.json"

    def _merged(self, name: str) -> Annotation:
        path, new = self._path(self.items[name]), self.annotations[name]
        old = read_annotation(path)
        if (old.name, old.classes, old.height, old.width) != (name, new.classes, new.height, new.width):
            must = "what is merged with must have the same name, classes and size"
            found = f"{old.name}, {', '.join(old.classes)}, {old.height} x {old.width}"
            raise InputError(must, found, "--replace puts the new one in its place.", path)
        return old.model_copy(update={"marks": old.marks + new.marks, "seconds": None})


def _folders(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name.replace("\\", "/")).parts[:-1]
    return tuple(part for part in parts if part != "..")


def _some(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:5]) + (", ..." if len(first) > 5 else "")
