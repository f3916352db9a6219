"""Run lengths of other tools become pixels: COCO's, plain and compressed, CVAT's and Label Studio's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from pointillist.core.errors import InputError

_DEEPEST = 7
"""Characters that one compressed COCO run may take: 35 bits."""
_FIX = "Export it again."


def decode_runs(
    counts: Sequence[int], height: int, width: int, file: Path
) -> tuple[int, Bool[np.ndarray, "h w"]]:
    """Unfold alternating run lengths, row by row, that start with the pixels outside (as CVAT writes them).

    Only the rows that hold something are unfolded: a large image may have many small objects.

    For COCO, whose runs go down the columns, swap height and width and transpose.

    Args:
        counts: the runs.
        height: rows.
        width: columns.
        file: where they stand, for the message.

    Returns:
        The first row that holds something, and the pixels from there to the last such row.

    Raises:
        InputError: the runs are negative or don't add up to height x width.

    >>> decode_runs([3, 1, 2], 3, 2, Path("a.json"))
    (1, array([[False,  True]]))
    """
    # Python's integers: a sum of many huge runs must not wrap round to the right number.
    total = sum(counts)
    if total != height * width or min(counts, default=0) < 0:
        found = f"runs that add up to {total}" if total != height * width else "a negative run"
        raise InputError(f"run lengths must cover the {height} x {width} pixels", found, _FIX, file)
    ends = np.cumsum(counts)[: len(counts) // 2 * 2]
    if not len(ends):
        return 0, np.zeros((0, width), bool)
    first, last = int(ends[0]) // width, -(-int(ends[-1]) // width)
    lengths = np.diff(ends, prepend=first * width, append=last * width)
    inside: np.ndarray = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(last - first, width)
    return first, inside


def expand_counts(text: str, file: Path) -> list[int]:
    """Read COCO's compressed run lengths: five bits a character, from the fourth run on as differences.

    Args:
        text: the characters, each 48 and above.
        file: where they stand, for the message.

    Raises:
        InputError: characters outside the alphabet, or a run that does not end.

    Source: the COCO data format; checked in the tests against pycocotools.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift >= 5 * _DEEPEST:
            raise InputError("compressed run lengths must be COCO's", repr(text[:20]), _FIX, file)
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits >> 4 & 1) << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise InputError("compressed run lengths must be whole", "an unfinished run", _FIX, file)
    return counts


def decode_brush(stream: Sequence[int], height: int, width: int, file: Path) -> Bool[np.ndarray, "h w"]:
    """Unfold Label Studio's brush strokes: a bit stream of runs of RGBA values, of which the last one counts.

    A head of 32 bits (how many values), 5 (bits in a value, less 1) and four times 4 (bits in a length, less
    1); then blocks: 1 bit (the same value repeated?), 2 bits (which length), the length less 1, and one value
    or as many.

    Args:
        stream: its bytes.
        height: rows of the image.
        width: its columns.
        file: where it stands, for the message.

    Raises:
        InputError: other than four values a pixel, a stream cut short, or a block beyond the last pixel.

    Source: the format of thi.ng's rle-pack, as Label Studio's documentation of BrushLabels names it.
    """
    must = "a brush must hold Label Studio's run lengths of its image"
    bits = np.unpackbits(np.array(stream, np.uint8))
    text = bits.tobytes().translate(bytes.maketrans(b"\0\1", b"01"))
    if len(text) < 53 or int(text[:32], 2) != 4 * height * width:
        found = f"{int(text[:32], 2)} values" if len(text) >= 53 else "a stream cut short"
        raise InputError(must, f"{found} for {height} x {width} pixels of 4", _FIX, file)
    deep = int(text[32:37], 2) + 1
    lengths = [int(text[at : at + 4], 2) + 1 for at in range(37, 53, 4)]
    values = np.zeros(4 * height * width, bool)
    at, place = 53, 0
    while place < len(values):
        length = lengths[int(text[at + 1 : at + 3] or b"0", 2)]
        repeated, head = text[at : at + 1] == b"1", at + 3 + length
        count = int(text[at + 3 : head] or b"0", 2) + 1
        at = head + deep * (1 if repeated else count)
        if at > len(text) or place + count > len(values):
            raise InputError(must, "a stream cut short, or too long", _FIX, file)
        read = bits[head:at].reshape(-1, deep).any(axis=1)
        values[place : place + count] = read
        place += count
    inside: np.ndarray = values.reshape(height, width, 4)[:, :, 3]
    return inside
