"""What all importers share: what a user may choose, and how a tool's file is read without trusting it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from jaxtyping import Float
from pydantic import BeforeValidator, ConfigDict, Field

from pointillist.core.config import Config
from pointillist.core.errors import InputError, InputErrors
from pointillist.exchange.intake import Intake
from pointillist.exchange.sheet import Rest

Kind = Literal["areas", "boxes", "points"]
"""What is made of objects that a file describes in several ways."""
LARGEST = 1 << 30
"""Bytes of one file: the largest public COCO file has half of that."""


def _no_bool(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("a number is needed")
    return value


Number = Annotated[float, BeforeValidator(_no_bool), Field(ge=-1e7, le=1e7)]
"""A coordinate: a plain number of a size that an image can have."""
Side = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=1_000_000)]
"""A height or width in pixels."""
Run = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=1 << 40)]
"""A run length."""


class Foreign(Config):
    """A part of another tool's file: the fields that are read, and any others, which are passed over."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class Choices:
    """What a user says about another tool's file.

    Args:
        classes: our class, "void" or "unlabelled" by their name or value.
        rest: what pixels are that no mark covers; None: as the format means it.
        kind: what is made of objects.
        unlabelled: the value of unlabelled pixels in label images; None: as the format means it.
    """

    classes: Mapping[str, str] = field(default_factory=dict)
    rest: Rest | None = None
    kind: Kind = "areas"
    unlabelled: int | None = None


class Importer(ABC):
    """A format that can be read: a line of the table of importers."""

    reads: ClassVar[str]
    """What it reads, in words for help."""
    places: ClassVar[str]
    """Where its coordinates have their origin, and who says so."""
    rest: ClassVar[Rest] = "unlabelled"
    """What pixels are that no mark covers, unless the user says otherwise."""
    choices: ClassVar[frozenset[str]] = frozenset({"rest"})
    """Fields of `Choices` beside ``classes`` that it heeds."""

    @abstractmethod
    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read a file or folder into sheets.

        Args:
            path: the file or folder.
            choices: what the user says about it.
            intake: knows images and classes, and takes the sheets.

        Raises:
            InputError: something is wrong with it; nothing has been written.
        """


def bring(importer: Importer, path: Path, root: Path, choices: Choices) -> Intake:
    """Read another tool's annotations of the images of a folder; nothing is written yet.

    Args:
        importer: the format, from the table of importers.
        path: the file or folder.
        root: our folder, with images/.
        choices: what the user says about it.

    Raises:
        InputError: something is wrong with either; all wrong files are named.
    """
    rest = choices.rest or (importer.rest if choices.kind == "areas" else "unlabelled")
    if choices.kind == "boxes":
        # A box says itself that what lies outside is background; what lies inside must stay open.
        rest = "unlabelled"
    intake = Intake(root, choices.classes, rest)
    importer.read(path, choices, intake)
    intake.check(path)
    return intake


def list_files(path: Path, suffixes: Collection[str], what: str) -> list[Path]:
    """List the files below a folder, or the one that is named, by their endings; hidden ones are passed over.

    Raises:
        InputError: there are none.
    """
    if path.is_file():
        return [path]
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in suffixes
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not found:
        there = "no such file in that folder" if path.is_dir() else "nothing there"
        fix = f"Their names end in {', '.join(sorted(suffixes))}; check the path."
        raise InputError(f"PATH must hold {what}", there, fix, path)
    return found


T = TypeVar("T")


def read_each(files: Iterable[T], read: Callable[[T], None]) -> None:
    """Read all files, and tell the mistakes of all of them at once.

    Raises:
        InputErrors: some are wrong.
    """
    problems: list[InputError] = []
    for file in files:
        try:
            read(file)
        except InputErrors as errors:
            problems += errors.errors
        except InputError as error:
            problems.append(error)
    if problems:
        raise InputErrors(problems)


def read_bytes(path: Path, what: str) -> bytes:
    """Read a file of bounded size.

    Raises:
        InputError: it is no file, larger than 1 GiB, or can't be read.
    """
    if not path.is_file():
        there = "a folder" if path.is_dir() else "nothing there"
        raise InputError(f"PATH must be {what}", there, "Check the path.", path)
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise InputError(f"{what} must be at most 1 GiB", f"{size} bytes", "Export it in parts.", path)
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "the file must be readable", str(error.strerror), "Check its rights.", path
        ) from None


def read_json(path: Path, what: str) -> Any:
    """Read plain data from a JSON file.

    Args:
        path: the file.
        what: "a COCO file", for messages.

    Raises:
        InputError: it can't be read, is cut short, holds NaN or infinity, or is nested too deeply.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"{word}, which is no number")

    try:
        return json.loads(read_bytes(path, what), parse_constant=refuse)
    except InputError:
        raise
    except RecursionError:
        raise InputError(
            f"{what} must be plain JSON", "too deep a nesting", "Export it again.", path
        ) from None
    except ValueError as error:
        problem = " ".join(str(error).split())[:160]
        raise InputError(f"{what} must be JSON, and whole", problem, "Export it again.", path) from None


def from_corner(xy: Any) -> Float[np.ndarray, "_ 2"]:
    """Carry (x, y) places that count from the top left corner of the first pixel to ours.

    >>> from_corner([[0.5, 0.5], [3, 1]]).tolist()
    [[0.0, 0.0], [0.5, 2.5]]
    """
    places: np.ndarray = np.array(xy, float).reshape(-1, 2)[:, ::-1] - 0.5
    return places
