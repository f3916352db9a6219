"""The one place where image files become arrays: one orientation, native depth, nothing guessed."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from pointillist.core.errors import InputError
from pointillist.core.shapes import ImageArray
from pointillist.data.container import (
    PIXEL_LIMIT,
    Container,
    FileError,
    Source,
    broken,
    open_container,
    open_regular,
    png_exif,
    profile_notes,
    several,
    sniff,
    too_large,
    wrong_form,
)
from pointillist.data.orientation import orientation_of, turn
from pointillist.data.tiff import check_mode, decode_tiff, few_bits, narrowed, palette_of, tiff_header

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".gif": "GIF",
}
"""What the accepted endings promise."""
_FULL = {"1": 1.0, "L;2": 3.0, "L;4": 15.0}
_FULL |= dict.fromkeys(("L", "LA", "P", "RGB", "RGBA", "tiff-uint8"), 255.0)
_FULL |= dict.fromkeys(("I;16", "RGB;16", "RGBA;16", "tiff-uint16"), 65535.0)
# The value of full intensity by mode; other modes hold real numbers, whose range nobody can know.
_BROKEN = {"PNG": "H05", "JPEG": "H04", "BMP": "H03", "WEBP": "H03", "GIF": "H03"}
# What Pillow's decoders raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError)
# Catching warnings swaps process-wide state: one thread at a time.
_OPENING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels as the file has them, upright.

    Args:
        pixels: (H, W) or (H, W, C); uint8, uint16 or float32 with the file's own values; 1-, 2- and 4-bit
            grey count from 0, palette files keep their indices.
        mode: Pillow's name for the form, or "tiff-" and the type in the file.
        palette: colours of the indices; None without a palette.
        format: "PNG", "JPEG", "MPO", "TIFF", "BMP", "WEBP" or "GIF", by content.
        orientation: the EXIF orientation 1..8 that was undone.
        warnings: what a person should know, in words.
        opacity: uint8 (H, W) where a transparent colour or palette entry says so; an alpha channel stays
            the last channel of ``pixels``, unless the colours are multiplied by it already.
    """

    pixels: np.ndarray
    mode: str
    palette: tuple[tuple[int, int, int], ...] | None
    format: str
    orientation: int
    warnings: tuple[str, ...]
    opacity: np.ndarray | None = None


def read_pixels(path: Path) -> Decoded:
    """Read a file's own values, upright.

    Raises:
        InputError: no image, damaged, truncated, too large, several pictures, or a form we cannot read
            exactly (CMYK, 5 channels, ...).
    """
    container = open_container(path)
    notes = _naming(container.format, path)
    if container.format == "TIFF":
        header = tiff_header(io.BytesIO(container.data), path)
        pixels, mode, palette = decode_tiff(container.data, header.orientation, path)
        return Decoded(pixels, mode, palette, "TIFF", header.orientation, notes + header.notes)
    with opened(io.BytesIO(container.data), container.format, path) as (image, warned):
        orientation, odd = orientation_in(image, container.exif)
        notes += warned + odd + profile_notes(image.info.get("icc_profile") or b"")
        if image.format == "MPO":
            notes += (f"first of {getattr(image, 'n_frames', 1)} pictures used",)
        pixels, mode = _decode_plain(container, image, path)
        opacity = _key_opacity(image)
        opacity = None if opacity is None else turn(opacity, orientation)
        form = image.format or container.format
        return Decoded(turn(pixels, orientation), mode, palette_of(image), form, orientation, notes, opacity)


def read_image(path: Path, value_range: tuple[float, float] | None = None) -> ImageArray:
    """Read an image as float32 (C, H, W) in [0, 1], C being 1 for grey and 3 for colour.

    ``(value - low) / (high - low)``, clipped; the range is that of the file's integer type (16-bit files
    keep their depth) unless one is given. Palettes become colours. Transparency is composited over black,
    so that hidden values under it never show.

    Args:
        path: the file.
        value_range: (low, high) of the values, for float and wide integer files and for 12-bit cameras.

    Raises:
        InputError: as ``read_pixels``; NaN; floats outside [0, 1] without a declared range.
    """
    return to_image(read_pixels(path), path, value_range)


def to_image(decoded: Decoded, path: Path, value_range: tuple[float, float] | None = None) -> ImageArray:
    """Scale decoded pixels to an image; see ``read_image``."""
    pixels = decoded.pixels
    if decoded.palette is not None:
        pixels, value_range = np.array(decoded.palette, np.uint8)[pixels], None
    opacity = None if decoded.opacity is None else decoded.opacity / np.float32(255)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] in (2, 4):
        opacity = pixels[:, :, -1] / np.float32(_FULL.get(decoded.mode, 1.0))
        pixels = pixels[:, :, :-1]
    scaled = _scaled(pixels, decoded, path, value_range)
    if opacity is not None:
        scaled *= opacity
    return scaled


def image_size(path: Path) -> tuple[int, int]:
    """Read (H, W) of the upright image from the header; no pixel is decoded.

    Raises:
        InputError: no image of an accepted format, too large, several pictures.
    """
    return image_header(path)[:2]


def image_header(path: Path) -> tuple[int, int, int]:
    """Read (H, W, channels) of the upright image from the header; channels is 1 or 3.

    Raises:
        InputError: as ``image_size``.
    """
    return _header(path)[:3]


def image_orientation(path: Path) -> int:
    """Read the EXIF orientation 1..8 that makes the image upright from the header.

    Raises:
        InputError: as ``image_size``.
    """
    return _header(path)[3]


def _header(path: Path) -> tuple[int, int, int, int]:
    with open_regular(path) as file:
        form = sniff(file.read(4096), path)
        file.seek(0)
        if form == "TIFF":
            tags = tiff_header(file, path)
            height, width, channels, orientation = tags.height, tags.width, tags.channels, tags.orientation
        else:
            exif = png_exif(file) if form == "PNG" else b""
            file.seek(0)
            with opened(file, form, path) as (image, _):
                orientation, _ = orientation_in(image, exif)
                width, height = image.size
                channels = 1 if image.mode in ("1", "L", "LA") or image.mode.startswith("I") else 3
    size = (width, height) if orientation >= 5 else (height, width)
    return *size, channels, orientation


@contextmanager
def opened(source: Source, form: str, path: Path) -> Iterator[tuple[Image.Image, tuple[str, ...]]]:
    """Open a picture, and give it with what Pillow warned of; damage of any kind becomes an `InputError`."""
    try:
        with _OPENING, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            image = Image.open(source, formats=FORMATS)
        notes = tuple(str(w.message) for w in caught if w.category is not Image.DecompressionBombWarning)
        pixels = image.size[0] * image.size[1]
        if pixels > PIXEL_LIMIT:
            raise too_large(f"{image.size[1]} x {image.size[0]} = {pixels}", path)
        if form in ("GIF", "WEBP") and getattr(image, "is_animated", False):
            frames = f"animated: {_count_frames(image)} frames"
            raise several("H11", frames, path)
        with image:
            yield image, notes
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        raise too_large(count[0] if count else "more", path) from None
    except InputError:
        raise
    except _DAMAGE as error:
        raise broken(_BROKEN[form], error, path) from None


def _count_frames(image: Image.Image) -> str:
    # A bomb may hold 10^5 frames; past a thousand the exact number tells nobody anything.
    try:
        for frame in range(1, 1001):
            image.seek(frame)
    except EOFError:
        return str(frame)
    return "more than 1000"


def orientation_in(image: Image.Image, exif: bytes) -> tuple[int, tuple[str, ...]]:
    """Give the orientation that a file declares, 1 where it can't be read, and what to say of it."""
    if exif:
        image.info["exif"] = exif
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("error")
            # Not image.getexif(): for a PNG that decodes the pixels, and swallowing an error of theirs here
            # would pass a damaged picture on as a black one.
            return orientation_of(Image.Image.getexif(image).get(ExifTags.Base.Orientation))
    except Exception as error:  # Damaged EXIF raises nearly anything, and the pixels are still good.
        return 1, (f"ignored unreadable EXIF ({error}): taken as upright",)


def _naming(form: str, path: Path) -> tuple[str, ...]:
    if SUFFIXES.get(path.suffix.lower()) == form:
        return ()
    return (f"named {path.suffix or 'without ending'}, is {form}",)


def _decode_plain(container: Container, image: Image.Image, path: Path) -> tuple[np.ndarray, str]:
    check_mode(image, path)
    if container.bits == 16 and container.colour == 4:
        raise wrong_form("H18", "a 16-bit grey PNG with transparency", "Save it without transparency.", path)
    if container.bits == 16 and container.colour in (2, 6):
        return _decode_halves(container.data), f"{image.mode};16"
    pixels = np.asarray(image)
    if image.mode in ("I", "I;16B", "I;16L"):
        return narrowed(pixels), "I;16"
    if image.mode == "1":
        return pixels.astype(np.uint8), "1"
    if container.colour == 0 and container.bits in (2, 4):
        return few_bits(pixels, container.bits)
    return pixels, image.mode


def _decode_halves(data: bytes) -> np.ndarray:
    # Pillow keeps 8 of 16 bits of a colour channel. Which byte it keeps depends on the byte order that it
    # is told: told both, it gives both halves.
    halves = []
    for order in ("B", "L"):
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.tile = [tile._replace(args=f"{image.mode};16{order}") for tile in image.tile]
            halves.append(np.asarray(image))
    whole: np.ndarray = halves[0].astype(np.uint16) << 8 | halves[1]
    return whole


def _key_opacity(image: Image.Image) -> np.ndarray | None:
    if image.mode not in ("1", "L", "P", "RGB") or "transparency" not in image.info:
        return None
    return np.asarray(image.convert("RGBA").getchannel("A"))


def _scaled(
    pixels: np.ndarray, decoded: Decoded, path: Path, value_range: tuple[float, float] | None
) -> np.ndarray:
    if pixels.dtype == np.float32 and not (finite := np.isfinite(pixels)).all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0][:2])
        found = f"NaN or infinity in {int((~finite).sum())} values, first at (row, col) {first}"
        raise FileError("H19", "an image must be finite", found, "Mend or leave out these pixels.", path)
    most = _FULL.get(decoded.mode, 1.0)
    if value_range is None and (pixels.min() < 0 or pixels.max() > most):
        fix = "Declare value_range: [low, high] in pointillist.yaml."
        found = f"{decoded.mode} values {pixels.min():g}..{pixels.max():g}"
        raise FileError("H20", "real and 32-bit values must lie in 0..1 or have a range", found, fix, path)
    # Channels first while the values are small, and few passes: of 100 million pixels one second, not seven.
    channels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if value_range is None:
        plain: np.ndarray = np.divide(channels, np.float32(most), dtype=np.float32)
        return plain
    low, high = value_range
    scaled: np.ndarray = channels.astype(np.float32) - np.float32(low)
    scaled /= np.float32(high - low)
    return np.clip(scaled, 0, 1, out=scaled)
