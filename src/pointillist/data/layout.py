"""Which files of a user's folder belong together: images, masks, label maps, regions, annotations."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pointillist.core.errors import InputError, InputErrors, nearest
from pointillist.data.container import FileError
from pointillist.data.declaration import (
    FILE_NAME,
    Declaration,
    assign_groups,
    assign_splits,
    read_declaration,
)
from pointillist.data.decode import SUFFIXES
from pointillist.data.item import COMPANIONS, Files, Item, Owners
from pointillist.data.pairing import (
    folder_in_words,
    links,
    list_folder,
    meant_root,
    names_by_stem,
    names_in,
    subfolders,
)
from pointillist.data.split import SPLITS, Split

LONGEST_NAME = 200
"""Bytes: what is written beside an image bears its name and more, and most disks allow 255."""


@dataclass(frozen=True)
class Layout:
    """A folder of images as it was found.

    Args:
        root: the folder.
        declaration: what pointillist.yaml says.
        items: one per image, by name.
        problems: what is wrong with names and pairs; nothing in a folder that can be used.
        passed_over: files with a suffix of no image format, hidden ones not counted.
    """

    root: Path
    declaration: Declaration
    items: tuple[Item, ...]
    problems: tuple[FileError, ...]
    passed_over: tuple[Path, ...]


def survey(root: Path) -> Layout:
    """Find and pair the files below a root; looks at names only.

    Args:
        root: holds images/, or the images themselves, and any of masks/, labels/, regions/, annotations/;
            or train/, val/ and test/ that hold these; and pointillist.yaml where there is something to
            declare.

    Raises:
        InputError: there are no images, or the declaration is wrong. What is wrong with single files does
            not raise: it is listed in ``problems``.
    """
    parts = _parts(root)
    declaration = read_declaration(root)
    problems: list[FileError] = []
    passed_over: list[Path] = []
    found: dict[str, Files] = {}
    fixed: dict[str, Split] = {}
    for split, part in parts:
        for name, files in _pair(part, _images(part), problems, passed_over).items():
            if name in found:
                pair = f"{found[name].folder / found[name].image} and {files.folder / files.image}"
                fix = "Rename one of them: an image's name is its key."
                problems.append(FileError("H56", "names must differ", pair, fix, root))
            found[name] = files
            if split is not None:
                fixed[name] = split
    if not found and not problems:
        raise _nothing(root)
    if fixed and declaration.split is not None:
        fix = "Keep one of the two."
        raise InputError(
            "splits must be declared once", "folders train, val, test and split:", fix, root / FILE_NAME
        )
    names = sorted(found)
    groups = assign_groups(declaration, root, names)
    splits = fixed or assign_splits(declaration, root, groups)
    items = tuple(Item(name, splits[name], groups[name], found[name]) for name in names)
    problems += _leaving(items, parts, root)
    return Layout(root, declaration, items, (*problems, *_straddling(items, root)), tuple(passed_over))


def _parts(root: Path) -> list[tuple[Split | None, Path]]:
    if not root.is_dir():
        raise FileError("H68", "the data must be a folder", folder_in_words(root), "Check the path.", root)
    split_parts: list[tuple[Split | None, Path]] = [
        (split, root / split) for split in SPLITS if (root / split / "images").is_dir()
    ]
    if (root / "images").is_dir():
        if split_parts:
            found = f"images and {split_parts[0][0]}/images"
            raise FileError("H68", "images must lie in one way", found, "Keep one of the two.", root)
        return [(None, root)]
    if split_parts:
        return split_parts
    if next(_loose(root), None) is None or root.resolve().name in ("images", *COMPANIONS):
        raise _nothing(root)
    return [(None, root)]


def _images(part: Path) -> Path:
    """Say where images lie: in images/, or where there is none, beside masks/ and the like."""
    return part / "images" if (part / "images").is_dir() else part


def _loose(root: Path) -> Iterator[Path]:
    """Find images that lie in a folder itself; who asks whether there is any waits for no list of them."""
    named = (name for name in names_in(root) if os.path.splitext(name)[1].lower() in SUFFIXES)
    paths = (root / name for name in named if not name.startswith("."))
    return (path for path in paths if path.is_file())


def _nothing(root: Path) -> FileError:
    must = "the folder must hold images/ (or train/images/ and so on)"
    fix = meant_root(root, "images")
    entries = list_folder(root)
    loose = list(_loose(root))
    folders = [p for p in entries if p.is_dir() and not p.name.startswith(".")]
    if loose:
        fix = f"Did you mean {root.parent}, or do {len(loose)} images lie outside of {root / 'images'}? "
    elif (
        not fix
        and not (root / "images").is_dir()
        and folders
        and (close := nearest("images", [p.name for p in folders])).startswith("Did")
    ):
        fix = close.split("?")[0] + "? Rename it to 'images'. "
    home = _images(root)
    nested = [p for p in list_folder(home) if p.is_dir() and p.name not in COMPANIONS and any(_loose(p))]
    if nested and not fix:
        fix = f"Images must not lie in subfolders, as in {nested[0]}: put them into {home} itself. "
    fix += "Images lie in images/, their masks under the same names in masks/."
    return FileError("H68", must, f"0 images in {folder_in_words(root)}", fix, root)


def _pair(part: Path, home: Path, problems: list[FileError], passed_over: list[Path]) -> dict[str, Files]:
    """Find the images in their home, and in the part's other folders what belongs to each."""
    images = _listed(home, SUFFIXES.keys(), problems, passed_over)
    if not images:
        return {}
    paired = {stem: Files(part, home, file) for stem, file in images.items()}
    owners = Owners(images)
    if home == part:
        problems += [_beside(home / images[stem], owners) for stem in images if owners.find_other(stem)]
    for kind in COMPANIONS:
        suffixes = {".json"} if kind == "annotations" else SUFFIXES.keys()
        alone = []
        for stem, file in _listed(part / kind, suffixes, problems, passed_over).items():
            owner = owners.find(stem)
            if owner is None:
                alone.append(part / kind / file)
            elif other := paired[owner].companion(kind):
                pair = f"{other.name} and {file} for {owner}"
                fix = "Remove one of them."
                problems.append(
                    FileError("H56", f"an image must have one file in {kind}", pair, fix, part / kind)
                )
            else:
                paired[owner].companions += ((kind, file),)
        problems += [_without_image(path) for path in alone]
    for name, files in paired.items():
        if len(files.companions) < 2:
            continue  # Most of them: of 200,000 images the rest takes half a second.
        labels, annotation = (files.companion(kind) for kind in ("labels", "annotations"))
        if labels and annotation:
            pair = f"{labels.name} and {annotation.name}"
            fix = "Remove one of them."
            must = f"{name} must have a label map or an annotation, not both"
            problems.append(FileError("H56", must, pair, fix, annotation))
    return paired


def _beside(path: Path, owners: Owners) -> FileError:
    must = "a folder of loose images must hold images only"
    found = f"{path.name}, which seems to belong to {owners.find_other(path.stem)}"
    return FileError("H59", must, found, "Put masks into masks/, label maps into labels/.", path)


def _without_image(path: Path) -> FileError:
    fix = "Add its image, or remove it; a name must be that of its image, with or without _mask or the like."
    return FileError("H59", "a mask, label map, region or annotation must have an image", "none", fix, path)


def _listed(
    folder: Path, suffixes: Collection[str], problems: list[FileError], passed_over: list[Path]
) -> dict[str, str]:
    wanted, folders, names = frozenset(suffixes), subfolders(folder), names_in(folder)
    for name in names:
        if name.startswith("."):
            continue
        suffix = os.path.splitext(name)[1].lower()
        if name in folders:
            if suffix in wanted:
                fix = "Replace it by the image file itself."
                must = "an image must be a regular file"
                problems.append(FileError("H65", must, "a folder", fix, folder / name))
        elif suffix not in wanted:
            if name != FILE_NAME:
                passed_over.append(folder / name)
        elif odd := _odd_name(name):
            must = f"a file's name must be plain text of at most {LONGEST_NAME} bytes"
            problems.append(FileError("H58", must, odd, "Rename it.", folder / name))
    try:
        return names_by_stem(folder, wanted, (name for name in names if name not in folders))
    except InputErrors as errors:
        problems += [
            e if isinstance(e, FileError) else FileError("H56", e.expected, e.found, e.fix, folder)
            for e in errors.errors
        ]
        return {}


def _odd_name(name: str) -> str:
    if not name.isprintable():
        return f"{name!r} with characters that cannot be printed"
    if (length := len(name.encode("utf-8", "surrogateescape"))) > LONGEST_NAME:
        return f"{length} bytes"
    return ""


def _leaving(items: tuple[Item, ...], parts: list[tuple[Split | None, Path]], root: Path) -> list[FileError]:
    places = [place for _, part in parts for place in (_images(part), *(part / kind for kind in COMPANIONS))]
    linked = {place / name for place in places for name in links(place)}
    if not linked:
        return []
    found = (_leaves(path, root) for item in items for path in item.files() if path in linked)
    return [problem for problem in found if problem is not None]


def _leaves(path: Path, root: Path) -> FileError | None:
    must = "a link must lead to a file inside the folder"
    fix = "Copy the file to its place."
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = "a link in a circle" if isinstance(error, RuntimeError) else "a link to nothing"
        return FileError("H64", must, reason, fix, path)
    # A linked folder (images -> elsewhere) is meant; a single file that leads away is a trap or a mistake.
    if target.is_relative_to(root.resolve()) or target.is_relative_to(path.parent.resolve()):
        return None
    return FileError("H64", must, f"a link to {target}", fix, path)


def _straddling(items: tuple[Item, ...], root: Path) -> list[FileError]:
    splits: dict[str, set[Split]] = {}
    for item in items:
        splits.setdefault(item.group, set()).add(item.split)
    return [
        FileError(
            "H62",
            "a group must lie in one split",
            f"group {group!r} in {' and '.join(s for s in SPLITS if s in found)}",
            "Move all its images to one split.",
            root,
        )
        for group, found in splits.items()
        if len(found) > 1
    ]
