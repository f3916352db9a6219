"""Mask files become class indices through a declared table of codes; what the table lacks is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Int32

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.data.container import FileError
from pointillist.data.decode import Decoded, read_pixels

Code = int | tuple[int, int, int]
"""A file's grey value or palette index, or a colour (red, green, blue)."""
Codes = Mapping[Code, int] | Mapping[int, int] | Mapping[tuple[int, int, int], int]
"""Class index or IGNORE by code (a mapping's keys are invariant: each form is named)."""
EITHER: Codes = MappingProxyType({0: 0, 1: 1, 255: 1})
"""Of two classes where nothing is declared: the object is 1 or 255, in one file never both."""
_COLOUR = 1 << 24


def read_mask(path: Path, codes: Codes) -> MaskArray:
    """Read a mask as class indices.

    1-bit files hold 0 and 1. Colour files whose channels are equal everywhere hold grey values. Of a palette
    file the indices count; where an index has no code, the colours do. An alpha channel is passed over.

    Args:
        path: the file; turned upright by its EXIF orientation, as its image is.
        codes: class index (0..254) or IGNORE by the file's value.

    Raises:
        InputError: the file cannot be read, or holds values without a code; each is named with its count
            and the (row, col) of its first pixel.
    """
    return to_mask(read_pixels(path), codes, path)


def to_mask(decoded: Decoded, codes: Codes, path: Path) -> MaskArray:
    """Translate decoded pixels to class indices; see ``read_mask``."""
    if wrong := sorted({c for c in codes.values() if not 0 <= c <= IGNORE}):
        raise InputError(f"codes must lead to classes 0..254 or {IGNORE}", str(wrong), "Correct them.")
    table = {pack(code): index for code, index in codes.items()}
    values = file_values(decoded, path)
    known = distinct(values)
    names = known
    if decoded.palette is not None:
        colours = _colour_values(np.array(decoded.palette, np.uint8)[known])
        drawn = table.keys() >= set(colours.tolist())
        if table.keys() >= set(known.tolist()):
            if drawn and _disagree(known, colours, table):
                raise _two_readings(known, colours, path)
        elif drawn or max(table, default=0) >= _COLOUR:
            # A palette of greys is as good as grey values: two colours are often stored as index 1 = white.
            names = colours
    places = np.searchsorted(known, values)
    if unknown := [int(name) for name in names if int(name) not in table]:
        raise _unknown(unknown, names[places], codes, decoded, path)
    if codes is EITHER and {1, 255} <= set(names.tolist()):
        raise _ambiguous(values, path)
    mask: MaskArray = np.array([table[int(name)] for name in names], np.uint8)[places]
    return mask


def distinct(values: Int32[np.ndarray, "h w"]) -> np.ndarray:
    """List the values that occur, sorted; counting is faster than sorting where it can be done."""
    if values.max(initial=0) < 1 << 16 and values.min(initial=0) >= 0:
        return np.flatnonzero(np.bincount(values.ravel()))
    return np.unique(values)


def pack(code: Code) -> int:
    """Make one number of a code: grey values stay, colours lie above all of them.

    >>> pack(7), spell(pack(7)), spell(pack((255, 0, 128)))
    (7, '7', '255,0,128')
    """
    return code if isinstance(code, int) else _COLOUR | code[0] << 16 | code[1] << 8 | code[2]


def spell(value: int) -> str:
    """Write a packed code as people write it: ``7`` or ``255,0,128``."""
    if value < _COLOUR:
        return str(value)
    return f"{value >> 16 & 255},{value >> 8 & 255},{value & 255}"


def file_values(decoded: Decoded, path: Path) -> Int32[np.ndarray, "h w"]:
    """Give each pixel's packed code.

    Raises:
        InputError: the values are no codes: real numbers, or hidden in the alpha channel.
    """
    pixels = decoded.pixels
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = _without_alpha(pixels, path)
    if pixels.dtype == np.float32:
        odd = ~np.isfinite(pixels) | (pixels != np.floor(pixels)) | (np.abs(pixels) > 65535)
        if odd.any():
            raise _odd_values(pixels, odd, path)
    if pixels.ndim == 2:
        return pixels.astype(np.int32)
    values = _colour_values(pixels)
    if pixels.dtype != np.uint8 and (values >= _COLOUR).any():
        found = f"{decoded.mode} colours"
        raise FileError("H43", "a colour mask must have 8 bits", found, "Export it with 8 bits.", path)
    return values


def _colour_values(colours: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    grey = bool((red == green).all() and (red == blue).all())
    values: np.ndarray = red if grey else _COLOUR | red << 16 | green << 8 | blue
    return values


def _without_alpha(pixels: np.ndarray, path: Path) -> np.ndarray:
    colours, alpha = pixels[:, :, :-1], pixels[:, :, -1]
    if (colours == colours[0, 0]).all() and (alpha != alpha[0, 0]).any():
        fix = "Export the mask as grey values, without transparency."
        raise FileError(
            "H42", "a mask must be drawn in its colours", "one colour, and alpha varies", fix, path
        )
    return colours[:, :, 0] if colours.shape[2] == 1 else colours


def _disagree(indices: np.ndarray, colours: np.ndarray, table: Mapping[int, int]) -> bool:
    """Whether indices mean other classes than their colours; colours that tell less mean nothing."""
    if len(np.unique(colours)) < len(indices):
        return False
    return any(
        table[int(index)] != table[int(colour)] for index, colour in zip(indices, colours, strict=True)
    )


def _two_readings(indices: np.ndarray, colours: np.ndarray, path: Path) -> InputError:
    # Programs that choose a palette by themselves often put white first: a mask drawn white on black would
    # be read the other way round.
    must = "indices of a palette and their colours must mean the same classes"
    pairs = [
        f"index {index} in colour {spell(int(colour))}"
        for index, colour in zip(indices, colours, strict=True)
    ]
    ours, theirs = (", ".join(spell(int(value)) for value in values) for values in (indices, colours))
    fix = (
        "Save it as grey values, without a palette; or declare codes of the indices alone "
        f"({ours}), or of the colours alone ({theirs}), in pointillist.yaml."
    )
    return FileError("H40", must, ", ".join(pairs[:6]), fix, path)


def _odd_values(pixels: np.ndarray, odd: np.ndarray, path: Path) -> InputError:
    row, col = (int(i) for i in np.argwhere(odd)[0][:2])
    value = float(pixels[row, col].flat[0])
    found = f"{int(odd.sum())} non-integer labels, first {value:g} at (row, col) ({row}, {col})"
    return FileError("H44", "a mask must hold whole numbers", found, "Save it as 8-bit integers.", path)


def _ambiguous(values: np.ndarray, path: Path) -> InputError:
    counts = {value: int((values == value).sum()) for value in (1, 255)}
    must = "a mask of two classes must hold 0 and 1, or 0 and 255"
    found = f"both: 1 in {counts[1]} pixels, 255 in {counts[255]}"
    fix = (
        "Say what each means in pointillist.yaml: codes: {0: background, 1: foreground, 255: unlabelled}; "
        "when importing, --unlabelled 255."
    )
    return FileError("H51", must, found, fix, path)


def _unknown(
    unknown: list[int], values: np.ndarray, codes: Codes, decoded: Decoded, path: Path
) -> InputError:
    must = f"a mask must hold only {', '.join(spell(pack(code)) for code in codes)}"
    known, counts = np.unique(values, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:4]
    histogram = ", ".join(f"{spell(int(known[i]))} x {counts[i]}" for i in common)
    if decoded.format in ("JPEG", "MPO") or (decoded.format == "WEBP" and len(known) > 16):
        found = f"{len(known)} distinct values ({histogram}, ...): lossy compression has blurred them"
        return FileError("H38", must, found, "Export it again as PNG.", path)
    if len(known) > 16 and len(unknown) > len(known) // 2:
        found = f"{len(known)} distinct values ({histogram}, ...): smoothed or resampled edges, or no mask"
        return FileError("H39", must, found, "Export it without smoothing.", path)
    parts = []
    for value in unknown[:5]:
        row, col = (int(i) for i in np.argwhere(values == value)[0])
        count = counts[np.searchsorted(known, value)]
        parts.append(f"{spell(value)} in {count} pixels, first at (row, col) ({row}, {col})")
    if len(unknown) > 5:
        parts.append(f"and {len(unknown) - 5} more values")
    row_id = "H41" if max(unknown) >= _COLOUR else "H51"
    code = spell(unknown[0]) if unknown[0] < _COLOUR else f'"{spell(unknown[0])}"'
    fix = (
        f"Say what each means in pointillist.yaml, as by codes: {{{code}: void}} beside others, or correct "
        "the mask."
    )
    return FileError(row_id, must, "; ".join(parts), fix, path)
