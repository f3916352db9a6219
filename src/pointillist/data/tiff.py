"""Pixels of a TIFF at their own depth: Pillow for 8 bits and its codecs, tifffile for the rest."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from tifffile import EXTRASAMPLE, PHOTOMETRIC, SAMPLEFORMAT, TIFF

from pointillist.core.errors import InputError
from pointillist.data.container import PIXEL_LIMIT, Source, broken, profile_notes, too_large, wrong_form
from pointillist.data.orientation import orientation_of, turn

# tifffile logs oddities of other people's tags; what matters is raised here in our own words.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
_GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.PALETTE)
_COLOURED = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "I;16L", "I", "F")


Palette = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class TiffHeader:
    """What the tags of the only page say.

    Args:
        height: rows as stored.
        width: columns as stored.
        channels: 1 or 3, transparency not counted.
        orientation: to undo, 1..8.
        notes: what a person should know, in words.
    """

    height: int
    width: int
    channels: int
    orientation: int
    notes: tuple[str, ...]


def tiff_header(source: Source, path: Path) -> TiffHeader:
    """Read the tags; no pixel is decoded.

    Raises:
        InputError: no readable tags, too many pixels, a volume, channels beyond RGB and transparency.
    """
    with _opened(source, path) as page:
        tag = page.tags.get(274)
        orientation, notes = orientation_of(None if tag is None else tag.value)
        if 34675 in page.tags:
            notes += profile_notes(bytes(page.tags[34675].value))
        channels = 1 if page.photometric in _GREY[:2] else 3
        return TiffHeader(page.imagelength, page.imagewidth, channels, orientation, notes)


def decode_tiff(data: bytes, orientation: int, path: Path) -> tuple[np.ndarray, str, Palette | None]:
    """Decode the only page, upright; give its pixels, the name of their form, and the palette if any.

    Args:
        data: the whole file.
        orientation: the EXIF orientation to undo, 1..8.
        path: for messages.

    Raises:
        InputError: damaged; colours or depths that cannot be read exactly; an unknown compression.
    """
    with _opened(io.BytesIO(data), path) as page:
        bits, kind = page.bitspersample, page.sampleformat
        lacking = _lacks_codec(page)
        shallow = bits <= 8 or (lacking and page.samplesperpixel == 1 and bits <= 16)
        if kind == SAMPLEFORMAT.UINT and shallow:
            return _by_pillow(data, bits, path)
        if lacking:
            found = (
                f"{bits}-bit values in a compression (number {int(page.compression)}) without a decoder here"
            )
            raise wrong_form("H18", found, "Save it uncompressed or with Deflate.", path)
        pixels = page.asarray()
        # A page whose tags contradict each other gives another shape than it declares.
        height, width = page.imagelength, page.imagewidth
        if (height, width) not in (pixels.shape[:2], pixels.shape[1:]):
            raise ValueError(f"pixels {pixels.shape} for {height} x {width} declared")
        planar, white_least = page.axes == "SYX", page.photometric == PHOTOMETRIC.MINISWHITE
        dimmed = EXTRASAMPLE.ASSOCALPHA in page.extrasamples
    mode = f"tiff-{pixels.dtype}"
    if white_least and pixels.dtype.kind != "u":
        fix = "Save it with black as the least."
        raise wrong_form("H20", "white stored as the least real number", fix, path)
    if white_least:
        pixels = np.iinfo(pixels.dtype).max - pixels
    pixels = np.moveaxis(pixels, 0, -1) if planar else pixels
    if dimmed:
        # Its colours are multiplied by the opacity already, as over black: once more would dim them twice.
        pixels = pixels[..., 0] if pixels.shape[-1] == 2 else pixels[..., :-1]
    return turn(narrowed(pixels), orientation), mode, None


@contextmanager
def _opened(source: Source, path: Path) -> Iterator[tifffile.TiffPage]:
    try:
        with tifffile.TiffFile(source) as file:
            page = file.pages.first
            _check_page(page, path)
            yield page
    except InputError:
        raise
    except Exception as error:  # Damaged tags raise nearly anything in tifffile and Pillow.
        raise broken("H12", error, path) from None


def narrowed(pixels: np.ndarray) -> np.ndarray:
    """Keep integers that fit 16 bits (label ids) as integers; others can only be real numbers to us."""
    if pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() <= 65535:
        return pixels.astype(np.uint16)
    return pixels.astype(np.float32)


def few_bits(pixels: np.ndarray, bits: int) -> tuple[np.ndarray, str]:
    """Give the file's own values, and the name of the form, of grey pixels of 2 or 4 bits.

    Pillow spreads 0..3 and 0..15 over 0..255.
    """
    return pixels // np.uint8(255 // (2**bits - 1)), f"L;{bits}"


def check_mode(image: Image.Image, path: Path) -> None:
    """Refuse colours that only a colour-managed program turns into RGB rightly.

    Raises:
        InputError: CMYK, Lab and their like.
    """
    if image.mode not in _MODES:
        fix = "Convert it to RGB with a colour-managed program."
        raise wrong_form("H16", f"mode {image.mode}", fix, path)


def palette_of(image: Image.Image) -> Palette | None:
    """Give the 256 colours of a palette file; indices beyond a short palette are black."""
    if image.mode != "P":
        return None
    flat = image.getpalette("RGB") or []
    flat = flat + [0] * (768 - len(flat))
    return tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(0, 768, 3))


def _by_pillow(data: bytes, bits: int, path: Path) -> tuple[np.ndarray, str, Palette | None]:
    with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
        check_mode(image, path)
        pixels = np.asarray(image)  # Pillow turns a TIFF upright by itself.
        if image.mode == "1":
            return pixels.astype(np.uint8), "1", None
        if image.mode.startswith("I"):
            return narrowed(pixels), "I;16", None
        if image.mode == "L" and bits in (2, 4):
            return *few_bits(pixels, bits), None
        return pixels, image.mode, palette_of(image)


def _lacks_codec(page: tifffile.TiffPage) -> bool:
    try:
        return page.compression != 1 and TIFF.DECOMPRESSORS[page.compression] is None
    except KeyError:
        return True


def _check_page(page: tifffile.TiffPage, path: Path) -> None:
    height, width = page.imagelength, page.imagewidth
    if height * width == 0:
        raise ValueError("no rows or columns declared")
    if height * width > PIXEL_LIMIT:
        raise too_large(f"{height} x {width} = {height * width}", path)
    if page.imagedepth > 1:
        raise wrong_form("H14", f"a volume {page.imagedepth} deep", "Save its slices, one file each.", path)
    if not isinstance(page.bitspersample, int):
        raise wrong_form("H18", f"channels of {page.bitspersample} bits", "Save it with equal depths.", path)
    if page.photometric not in _GREY + _COLOURED:
        fix = "Convert it to RGB with a colour-managed program."
        raise wrong_form(
            "H16", f"colours of photometric kind {int(page.photometric)} (5: CMYK, 8: Lab)", fix, path
        )
    alpha = sum(extra in (1, 2) for extra in page.extrasamples)
    if alpha > 1 or page.samplesperpixel - alpha != (1 if page.photometric in _GREY else 3):
        found = f"{page.samplesperpixel} channels, {alpha} of them transparency"
        raise wrong_form("H24", found, "Choose the three channels to learn from, and save them as RGB.", path)
