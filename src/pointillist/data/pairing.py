"""Files that belong together: what a folder holds, one file per stem, two maps of one size."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.shapes import MaskArray
from pointillist.core.text import counted
from pointillist.data.container import FileError


def list_folder(folder: Path) -> list[Path]:
    """List what a folder holds, sorted; nothing where there is no folder.

    Raises:
        InputError: it may not be read.
    """
    return [folder / name for name in names_in(folder)]


def names_in(folder: Path) -> list[str]:
    """Name what a folder holds, sorted; nothing where there is no folder.

    Raises:
        InputError: it may not be read.
    """
    try:
        # Sorted as text: paths compare ten times as slowly, and some folders hold 200,000.
        return sorted(os.listdir(folder)) if folder.is_dir() else []
    except OSError as error:
        fix = "Check its rights."
        raise InputError("a folder must be readable", str(error.strerror), fix, folder) from None


def subfolders(folder: Path) -> frozenset[str]:
    """Name what in a folder is a folder itself, or a link to one, without asking for each entry.

    Raises:
        InputError: it may not be read.
    """
    # Where a link leads is asked of os.path, which takes one in a circle for no folder.
    found = (e for e in _entries(folder) if (os.path.isdir(e) if e.is_symlink() else e.is_dir()))
    return frozenset(entry.name for entry in found)


def links(folder: Path) -> frozenset[str]:
    """Name what in a folder is a link, likewise.

    Raises:
        InputError: it may not be read.
    """
    return frozenset(entry.name for entry in _entries(folder) if entry.is_symlink())


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        fix = "Check its rights."
        raise InputError("a folder must be readable", str(error.strerror), fix, folder) from None


def folder_in_words(folder: Path) -> str:
    """Say what is there, for messages.

    >>> folder_in_words(Path("/no/such/place"))
    'nothing there'
    """
    if not folder.is_dir():
        return "a file" if folder.exists() else "nothing there"
    seen = [path for path in list_folder(folder) if not path.name.startswith(".")]
    folders = [repr(path.name) for path in seen if path.is_dir()]
    files = [repr(path.name) for path in seen if not path.is_dir()]
    if not folders and not files:
        return "an empty folder"
    parts = [
        f"{', '.join(names[:6])}{', ...' if len(names) > 6 else ''}" for names in (folders, files) if names
    ]
    what = f"{counted(len(folders), 'folders')} and {counted(len(files), 'files')}"
    return f"a folder with {what}: {'; '.join(parts)}"


def meant_root(root: Path, inside: str) -> str:
    """Say which folder was probably meant where a root lacks what it must hold; a sentence, or nothing.

    Args:
        root: what the user named.
        inside: what the right folder holds, as a relative path.
    """
    children = [path for path in list_folder(root) if path.is_dir()]
    for folder in (*children, root.parent, root.parent.parent):
        if os.path.exists(folder / inside):  # Unlike Path.exists, never raises.
            return f"Did you mean {folder}? "
    return ""


def files_by_stem(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """List the files of one folder by stem, sorted; hidden files and other suffixes are passed over.

    Args:
        folder: where to look; not below it. A folder that is not there holds no files.
        suffixes: of the wanted files, lower case with the dot; compared without regard to case.

    Raises:
        InputErrors: as `names_by_stem`.
    """
    folders = subfolders(folder)
    names = names_by_stem(folder, suffixes, (name for name in names_in(folder) if name not in folders))
    return {stem: folder / name for stem, name in names.items()}


def names_by_stem(folder: Path, suffixes: Collection[str], files: Iterable[str]) -> dict[str, str]:
    """Choose among the files of one folder, likewise; gives names, for some folders hold 200,000.

    Args:
        folder: that they lie in, for messages.
        suffixes: of the wanted files.
        files: names of the files that the folder holds, sorted.

    Raises:
        InputErrors: two stems are equal, or differ only in case or in how an accent is spelled, which some
            file systems take for one file.
    """
    found: dict[str, str] = {}
    seen: dict[str, str] = {}
    problems: list[InputError] = []
    for name in files:
        stem, suffix = os.path.splitext(name)
        if stem.startswith(".") or suffix.lower() not in suffixes:
            continue
        twin = seen.setdefault(unicodedata.normalize("NFC", stem).casefold(), name)
        if twin != name:
            row = "H56" if os.path.splitext(twin)[0] == stem else "H57"
            pair = f"{twin!r} and {name!r}"
            problems.append(
                FileError(row, "stems must differ", pair, "Rename or remove one of them.", folder)
            )
        found[stem] = name
    if problems:
        raise InputErrors(problems)
    return found


def check_same_size(size: tuple[int, int], mask: MaskArray, image_file: Path, mask_file: Path) -> None:
    """Refuse a mask that cannot lie on its image.

    Args:
        size: (height, width) of the image.
        mask: what was drawn on it.
        image_file: where the image came from.
        mask_file: where the mask came from, named as the file at fault.

    Raises:
        InputError: the sizes differ.
    """
    if mask.shape == size:
        return
    expected = (
        f"a mask must have its image's {size[0]} x {size[1]} pixels (height x width of {image_file.name})"
    )
    row, fix = "H32", "Export the mask again at the image's size."
    if mask.shape == size[::-1]:
        row, fix = "H33", "Height and width are swapped: turn the mask, or export it again."
    raise FileError(row, expected, f"{mask.shape[0]} x {mask.shape[1]}", fix, mask_file)
