"""Label images of any tool: one value a pixel, each a class or unlabelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from pointillist.core.errors import InputError
from pointillist.core.shapes import MaskArray
from pointillist.data.container import PIXEL_LIMIT
from pointillist.data.decode import SUFFIXES, Decoded
from pointillist.data.mask import Code, Codes, read_mask, to_mask
from pointillist.data.tiff import narrowed
from pointillist.exchange.importer import list_files, read_each
from pointillist.exchange.intake import Intake


def read_label_images(
    path: Path, codes: Codes, intake: Intake, suffixes: Collection[str] = SUFFIXES.keys()
) -> None:
    """Lay every label image below a folder over its image.

    Args:
        path: the folder, or one file.
        codes: class index or IGNORE by value.
        intake: takes the sheets.
        suffixes: of the files.

    Raises:
        InputErrors: one for every file that is wrong.
    """
    read_each(
        list_files(path, suffixes, "label images"),
        lambda file: lay_label_image(file, file.stem, codes, intake),
    )


def lay_label_image(file: Path, name: str, codes: Codes, intake: Intake) -> None:
    """Lay one label image over the image of a name, where there is one.

    Raises:
        InputError: it can't be read, holds values without a code, or has another size than its image.
    """
    if intake.owner(name) is None:
        intake.no_image[file.name] = None
        return
    labels = _read_npy(file, codes) if file.suffix.lower() == ".npy" else read_mask(file, codes)
    sheet = intake.sheet(name, (labels.shape[0], labels.shape[1]), file)
    if sheet is not None:
        sheet.whole(labels)
        intake.add(sheet)


def chosen_codes(chosen: Mapping[str, str], intake: Intake) -> dict[Code, int]:
    """Read ``--class VALUE=OURS``: classes by grey value or colour.

    Raises:
        InputError: a value is neither.
    """
    codes: dict[Code, int] = {}
    for text in chosen:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) not in (1, 3) or not all(part.isdecimal() and int(part) <= 65535 for part in parts):
            fix = "Say it like --class 2=road or --class 255,0,0=road."
            raise InputError("--class must name a value of the label images", repr(text), fix)
        numbers = [int(part) for part in parts]
        label = intake.label(text)
        assert label is not None
        codes[numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])] = label
    return codes


def _read_npy(file: Path, codes: Codes) -> MaskArray:
    must = "a label array must be whole numbers, rows x columns"
    try:
        # Mapped, not read: what a header claims costs nothing before it is checked. Objects, which would be
        # pickles, can't be mapped, and an archive of arrays is no array.
        stored = np.lib.format.open_memmap(file, mode="r")
    except (ValueError, OSError, EOFError) as error:
        problem = " ".join(str(error).split())[:160]
        raise InputError(must, problem, "Save it again as .npy.", file) from None
    shape = tuple(side for side in stored.shape if side != 1)
    if stored.dtype.kind not in "iub" or len(shape) != 2 or stored.size > PIXEL_LIMIT:
        raise InputError(must, f"{stored.dtype} {stored.shape}", "Save one image, as integers.", file)
    pixels = narrowed(np.array(stored).reshape(shape).astype(np.int64))
    return to_mask(Decoded(pixels, str(stored.dtype), None, "NPY", 1, ()), codes, file)
