"""What a person declares about a folder of their own images: pointillist.yaml."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, FiniteFloat, Tag, field_validator, model_validator

from pointillist.core.config import Config, read_yaml, refused, validated
from pointillist.core.errors import InputError, nearest
from pointillist.core.shapes import IGNORE
from pointillist.data.mask import EITHER, Code, Codes
from pointillist.data.split import SPLITS, Split, split_by_hash

FILE_NAME = "pointillist.yaml"
UNLABELLED = "unlabelled"
UNKNOWN = ("void", UNLABELLED)
"""What a code may lead to in place of a class: IGNORE."""
Channel = Annotated[int, Field(ge=0, le=255)]


def _as_text(name: object) -> object:
    # YAML reads a name of digits as a number.
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else name


ImageName = Annotated[str, BeforeValidator(_as_text)]


class SplitNames(Config):
    """Every image's name in one of three lists."""

    train: tuple[ImageName, ...] = ()
    val: tuple[ImageName, ...] = ()
    test: tuple[ImageName, ...] = ()


class SplitShares(Config):
    """Shares of the three splits, filled by the hash of the group's name."""

    train: FiniteFloat = 0.6
    val: FiniteFloat = 0.2
    test: FiniteFloat = 0.2


def _kind_of_split(given: object) -> str:
    """Tell lists from shares, so that a mistake is told of what was meant alone."""
    if isinstance(given, dict):
        listed = any(isinstance(part, list | tuple) for part in given.values())
    else:
        listed = isinstance(given, SplitNames)
    return (SplitNames if listed else SplitShares).__name__


SplitDeclared = Annotated[
    Annotated[SplitNames, Tag("SplitNames")] | Annotated[SplitShares, Tag("SplitShares")],
    Discriminator(_kind_of_split),
]


def _check_code(code: str, name: str, known: tuple[str, ...]) -> None:
    if not re.fullmatch(r"\d{1,5}|\d{1,3},\d{1,3},\d{1,3}", code):
        must = "codes must be numbers or colours like '255,0,0'"
        raise refused(must, repr(code), "Write what stands in the mask's pixels.")
    if max(map(int, code.split(","))) > (255 if "," in code else 65535):
        must = "codes must be at most 65535, and a colour's parts at most 255"
        raise refused(must, code, "Write what stands in the mask's pixels.")
    if name not in known:
        raise refused("codes must lead to classes", f"{code}: {name}", nearest(name, known))


class Declaration(Config):
    """The content of pointillist.yaml; every field may be left out.

    Args:
        classes: names, background first.
        codes: class name, "void" or "unlabelled" by the mask files' value: grey value or palette index (7),
            or colour ("255,0,0"). Left out: two classes are 0 and 1 or 255, more count from 0; in label maps
            255 is unlabelled.
        colours: RGB of each class in pictures, in their order.
        renamed: a class's name of today by the one that it had when something was drawn on it.
        groups: what must stay in one split: a regular expression with one group, searched in the name, or a
            file beside pointillist.yaml (YAML mapping or CSV without header: name, group).
        split: lists of names, or shares.
        value_range: (lowest, highest) value of real, 32-bit and 12-bit images.
        channels: 1 or 3; left out: 3 when any image has colours.
    """

    classes: tuple[str, ...] = Field(default=("background", "foreground"), min_length=2, max_length=IGNORE)
    codes: dict[str, str] | None = None
    colours: tuple[tuple[Channel, Channel, Channel], ...] | None = None
    renamed: dict[str, str] | None = None
    groups: str | None = None
    split: SplitDeclared | None = None
    value_range: tuple[FiniteFloat, FiniteFloat] | None = None
    channels: Literal[1, 3] | None = None

    @field_validator("codes", mode="before")
    @classmethod
    def _keys_are_text(cls, codes: object) -> object:
        # YAML reads 255 as a number and "255,0,0" as text.
        if not isinstance(codes, dict):
            return codes
        return {str(code).replace(" ", ""): name for code, name in codes.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Declaration:
        if len(set(self.classes)) < len(self.classes) or set(self.classes) & set(UNKNOWN):
            must = f"classes must differ from each other and from {' and '.join(UNKNOWN)}"
            raise refused(must, ", ".join(self.classes), "Rename one, or drop it.")
        if self.colours is not None and len(self.colours) != len(self.classes):
            must = f"colours must be {len(self.classes)}, one for each class"
            raise refused(must, str(len(self.colours)), "Give each class, background first, its colour.")
        for old, new in (self.renamed or {}).items():
            if old in self.classes:
                fix = "Take it out of classes, or out of renamed."
                raise refused("renamed must lead from names that are no classes any more", repr(old), fix)
            if new not in self.classes:
                raise refused("renamed must lead to a class", f"{old}: {new}", nearest(new, self.classes))
        if self.value_range is not None and self.value_range[0] >= self.value_range[1]:
            fix = "Give the lower first."
            raise refused("value_range must be [lowest, highest]", str([*self.value_range]), fix)
        for code, name in (self.codes or {}).items():
            _check_code(code, name, self.classes + UNKNOWN)
        return self

    def mask_codes(self) -> Codes:
        """Class index or IGNORE by the value in a mask file."""
        if self.codes is not None:
            return self._declared_codes(self.codes)
        if len(self.classes) == 2:
            return EITHER
        return {index: index for index in range(len(self.classes))}

    def label_codes(self) -> dict[Code, int]:
        """Class index or IGNORE by the value in a label map."""
        if self.codes is not None:
            return self._declared_codes(self.codes)
        return {**{index: index for index in range(len(self.classes))}, IGNORE: IGNORE}

    def _declared_codes(self, codes: dict[str, str]) -> dict[Code, int]:
        table: dict[Code, int] = {}
        for text, name in codes.items():
            parts = [int(part) for part in text.split(",")]
            code: Code = parts[0] if len(parts) == 1 else (parts[0], parts[1], parts[2])
            table[code] = IGNORE if name in UNKNOWN else self.classes.index(name)
        return table


def read_declaration(root: Path) -> Declaration:
    """Read ROOT/pointillist.yaml; without one everything is left out.

    Raises:
        InputErrors: one for every wrong field.
    """
    path = root / FILE_NAME
    if not path.is_file():
        return Declaration()
    return validated(Declaration, read_yaml(path) or {}, path)


def assign_groups(declaration: Declaration, root: Path, names: Sequence[str]) -> dict[str, str]:
    """Give each name its group; the name itself where nothing is declared.

    Raises:
        InputError: the pattern or the file is wrong, or has no group for some names.
    """
    declared = declaration.groups
    if declared is None:
        return {name: name for name in names}
    if (root / declared).is_file():
        groups = _read_groups(root / declared)
    else:
        pattern = _pattern(declared, root)
        found = {name: pattern.search(name) for name in names}
        groups = {name: match[1] for name, match in found.items() if match and match[1]}
    if missing := [name for name in names if name not in groups]:
        raise InputError(
            f"groups must give a group to each of {len(names)} images",
            f"none for {len(missing)}: {', '.join(missing[:20])}",
            "Correct the pattern or the file.",
            root / FILE_NAME,
        )
    return {name: groups[name] for name in names}


def _pattern(declared: str, root: Path) -> re.Pattern[str]:
    must = "groups must be a file's name or a regular expression with one group"
    try:
        pattern = re.compile(declared)
    except re.error as error:
        raise InputError(must, f"{declared!r} ({error})", "Correct it.", root / FILE_NAME) from None
    if pattern.groups != 1:
        fix = "Put the part that names the group in round brackets."
        raise InputError(must, f"{declared!r} with {pattern.groups} groups", fix, root / FILE_NAME)
    return pattern


def _read_groups(path: Path) -> dict[str, str]:
    must = "a file of groups must hold one name and one group per line"
    if path.suffix.lower() == ".csv":
        try:
            # Spreadsheets put a byte order mark first: it is no part of the first name.
            rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(must, str(error)[:160], "Save it as CSV, in UTF-8.", path) from None
        if wrong := [row for row in rows if len(row) != 2]:
            raise InputError(must, str(wrong[0])[:160], "Write it like: name,group", path)
        return {name.strip(): group.strip() for name, group in rows}
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise InputError(must, type(data).__name__, "Write it like: name: group", path)
    return {str(name): str(group) for name, group in data.items()}


def assign_splits(declaration: Declaration, root: Path, groups: dict[str, str]) -> dict[str, Split]:
    """Give each name its split: as listed, or by the hash of its group.

    Raises:
        InputError: a list names an image that is not there, or an image stands in no list or in two.
    """
    declared = declaration.split
    if not isinstance(declared, SplitNames):
        shares = declared or SplitShares()
        splits = split_by_hash(list(groups.values()), (shares.train, shares.val, shares.test))
        return dict(zip(groups, splits, strict=True))
    listed = [(name, split) for split in SPLITS for name in getattr(declared, split)]
    must, file = "split must name each image in one list", root / FILE_NAME
    if strangers := [name for name, _ in listed if name not in groups]:
        fix = nearest(strangers[0], list(groups)[:1000])
        raise InputError(must, f"{strangers[0]!r}, which is not there ({len(strangers)} so)", fix[:400], file)
    given = dict(listed)
    if twice := sorted(name for name, count in Counter(name for name, _ in listed).items() if count > 1):
        raise InputError(must, f"more than once: {', '.join(twice[:20])}", "Keep each in one list.", file)
    if missing := [name for name in groups if name not in given]:
        found = f"{len(missing)} images in none: {', '.join(missing[:20])}"
        raise InputError(must, found, "Add them to a list.", file)
    return given
