"""Files as pictures for people: eight bits a channel, no detour by real numbers, and small ones soon."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from pointillist.data.container import open_container
from pointillist.data.decode import opened, orientation_in, read_pixels, to_image
from pointillist.data.draw import Picture, draw_image
from pointillist.data.orientation import turn
from pointillist.data.tiff import check_mode

EIGHTH = 8


def read_picture(path: Path, value_range: tuple[float, float] | None = None) -> Picture:
    """Read a file as `draw_image` would draw it, to the bit; plain 8-bit files in a tenth of the time.

    Raises:
        InputError: as ``data.decode.read_image``.
    """
    decoded = read_pixels(path)
    pixels = decoded.pixels
    plain = decoded.mode in ("L", "RGB") and decoded.opacity is None and pixels.dtype == np.uint8
    if not plain or value_range is not None:
        return draw_image(to_image(decoded, path, value_range))
    picture: Picture = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    return picture


def read_eighth(path: Path) -> Picture | None:
    """Read a JPEG at an eighth of its size without decoding it all.

    Pixel (row, col) is the mean of rows 8 row to 8 row + 7 and columns 8 col to 8 col + 7 of the upright
    image, as if it were shrunk after decoding; the last ones are of what there is.

    Returns:
        The picture; None: the file is no JPEG, or its blocks do not begin at the upright image's corner.

    Raises:
        InputError: as ``data.decode.read_image``.
    """
    container = open_container(path)
    if container.format != "JPEG":
        return None
    with opened(io.BytesIO(container.data), "JPEG", path) as (image, _):
        check_mode(image, path)
        orientation, _ = orientation_in(image, b"")
        width, height = image.size
        if orientation != 1 and (width % EIGHTH or height % EIGHTH):
            return None
        image.draft(None, (width // EIGHTH, height // EIGHTH))
        if image.size != (-(-width // EIGHTH), -(-height // EIGHTH)):
            return None
        picture: Picture = turn(np.asarray(image.convert("RGB")), orientation)
        return picture
