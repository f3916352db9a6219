"""The container of an image file: which format it really is, and whether all of it is there."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pointillist.core.errors import InputError

Source: TypeAlias = io.BytesIO | io.BufferedReader
"""An open file, or its bytes in memory."""
FILE_LIMIT = 2 << 30
"""Files above 2 GiB are no single image for us."""
PIXEL_LIMIT = 100_000_000
"""Declared pixels above which a file is refused before any is decoded."""
ACCEPTED = "PNG, JPEG, TIFF, BMP, WebP or a still GIF"
_REFUSED = {
    b"%!PS": "PostScript",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"icns": "ICNS",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive (NIfTI, perhaps)",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "a NumPy array",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
}
_MARKS = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"BM", "BMP"), (b"GIF8", "GIF"))
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


class FileError(InputError):
    """What is wrong with one file; ``row`` is its number in the table of hostile inputs, for reports."""

    def __init__(self, row: str, expected: str, found: str, fix: str, file: Path) -> None:
        super().__init__(expected, found, fix, file)
        self.row = row


@dataclass(frozen=True)
class Container:
    """What the container says before a pixel is decoded.

    Args:
        format: "PNG", "JPEG", "TIFF", "BMP", "WEBP" or "GIF", by content.
        data: the whole file.
        bits: of one PNG channel; 0 for other formats.
        colour: PNG colour type; -1 for other formats.
        exif: of a PNG, wherever in the file it stands.
    """

    format: str
    data: bytes
    bits: int = 0
    colour: int = -1
    exif: bytes = b""


def open_container(path: Path) -> Container:
    """Read a file and check that its container is one still image of an accepted format, whole.

    Raises:
        InputError: no regular file, unreadable, empty, another format, truncated, damaged, several pictures.
    """
    with open_regular(path) as file:
        data = file.read()
    form = sniff(data[:4096], path)
    if form == "PNG":
        bits, colour, exif = _check_png(data, path)
        return Container(form, data, bits, colour, exif)
    if form == "JPEG":
        _check_jpeg(data, path)
    elif form == "TIFF":
        _check_tiff(data, path)
    elif form == "WEBP" and len(data) < (declared := int.from_bytes(data[4:8], "little") + 8):
        raise _truncated("H03", f"{len(data)} of {declared} bytes", path)
    return Container(form, data)


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """Open a regular, non-empty file for reading; never waits for a pipe.

    Raises:
        InputError: a folder, pipe, socket or device, unreadable, empty, above 2 GiB, or lost while reading.
    """
    must, copy = "an image must be a readable regular file", "Replace it by the image file itself."
    try:
        if not stat.S_ISREG(mode := os.stat(path).st_mode):
            raise FileError("H65", must, _kind(mode), copy, path)
        # Non-blocking, and checked again: the file may have been swapped for a pipe in between.
        reader: io.BufferedReader = io.BufferedReader(io.FileIO(path, "rb", opener=_without_waiting))
        with reader as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileError("H65", must, _kind(status.st_mode), copy, path)
            if status.st_size > FILE_LIMIT:
                found = f"{status.st_size} bytes"
                raise FileError(
                    "H08", "an image file must be at most 2 GiB", found, "Cut it into tiles.", path
                )
            if status.st_size == 0:
                found = "an empty file (0 bytes)"
                raise FileError("H01", "an image must have content", found, "Copy it again.", path)
            yield file
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        fix = "Check the path and its rights."
        raise FileError("H66", must, reason[0].lower() + reason[1:], fix, path) from None


def _without_waiting(path: str | Path, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _kind(mode: int) -> str:
    for test, name in ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket")):
        if test(mode):
            return name
    return "a device"


def sniff(head: bytes, path: Path) -> str:
    """Name the format that the first bytes show.

    Raises:
        InputError: it is none of the accepted ones; the message says what the file looks like.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[:4] in _TIFF:
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    must, fix = f"an image must be {ACCEPTED}", "Convert it to PNG."
    for mark, name in _REFUSED.items():
        if head.startswith(mark):
            raise FileError("H07", must, f"{name}, a format not accepted", fix, path)
    start = head[:40].decode("utf-8", "replace").split("\n")[0].strip()
    if b"<svg" in head.lower():
        raise FileError("H07", must, "SVG, a format not accepted", fix, path)
    if start.isprintable() and "\ufffd" not in start:
        raise FileError("H02", must, f"not an image: starts with `{start[:24]}`", "Download it again.", path)
    raise FileError("H02", must, f"unknown bytes {head[:8].hex(' ')}", fix, path)


def too_large(found: str, path: Path) -> InputError:
    """Say how many pixels a file declares and how many may be."""
    must = f"an image must have at most {PIXEL_LIMIT} pixels"
    return FileError("H08", must, f"{found} pixels declared", "Cut it into tiles, or shrink it.", path)


def wrong_form(row: str, found: str, fix: str, path: Path) -> InputError:
    """Say which channels or depths came that cannot be read exactly."""
    return FileError(row, "an image must be grey or RGB, with or without transparency", found, fix, path)


def broken(row: str, error: Exception, path: Path) -> InputError:
    """Put a decoding library's complaint into our words."""
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    if "BytesIO" in reason or "BufferedReader" in reason:
        reason = "its header is broken or unknown"
    what = "a truncated file" if "truncated" in reason else "a damaged file"
    return FileError(row, "an image must be whole", f"{what} ({reason})", "Copy or export it again.", path)


def profile_notes(profile: bytes) -> tuple[str, ...]:
    """Say that a colour profile other than sRGB is passed over."""
    if not profile or b"sRGB" in profile or b"s\0R\0G\0B" in profile:
        return ()
    return ("its colour profile is ignored: colours are taken as sRGB",)


def _truncated(row: str, found: str, path: Path) -> InputError:
    return FileError(row, "an image must be whole", f"a truncated file: {found}", "Copy it again.", path)


def _damaged(found: str, path: Path) -> InputError:
    return FileError("H05", "an image must be undamaged", found, "Copy it again.", path)


def several(row: str, found: str, path: Path) -> InputError:
    """Say that a file holds more than one picture, and how many."""
    return FileError(row, "a file must hold one picture", found, "Split it, one file per picture.", path)


def _check_png(data: bytes, path: Path) -> tuple[int, int, bytes]:
    at, frames, kind, bits, colour, exif = 8, 1, b"", 0, -1, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise _truncated("H03", f"no end after {len(data)} bytes", path)
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        name = kind.decode("latin-1")
        if not (kind.isalpha() and kind.isascii()) or (at == 8 and (kind != b"IHDR" or length != 13)):
            raise _damaged(f"a broken PNG chunk {name!r} at byte {at}", path)
        if at + 12 + length > len(data):
            raise _truncated("H03", f"chunk {name} needs {at + 12 + length - len(data)} bytes more", path)
        body = memoryview(data)[at + 4 : at + 8 + length]
        if zlib.crc32(body) != int.from_bytes(data[at + 8 + length : at + 12 + length], "big"):
            raise _damaged(f"PNG chunk {name} with a wrong checksum", path)
        if kind == b"IHDR":
            bits, colour = data[at + 16], data[at + 17]
        elif kind == b"eXIf":
            exif = data[at + 8 : at + 8 + length]
        elif kind == b"acTL":
            frames = int.from_bytes(data[at + 8 : at + 12], "big")
        at += 12 + length
    if frames > 1:
        raise several("H11", f"animated: {frames} frames", path)
    return bits, colour, exif


def png_exif(file: Source) -> bytes:
    """Find the EXIF of a PNG by leaping from chunk to chunk; it may stand behind the pixels."""
    file.seek(8)
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if kind == b"eXIf":
            return file.read(length)
        if kind == b"IEND":
            break
        file.seek(length + 4, os.SEEK_CUR)
    return b""


def _check_jpeg(data: bytes, path: Path) -> None:
    # Inside a scan FF is always followed by 00 or a restart mark, so the last scan's end can be looked for;
    # an end mark before it may belong to a thumbnail.
    scan = data.rfind(b"\xff\xda")
    if scan < 0 or data.find(b"\xff\xd9", scan) < 0:
        raise _truncated("H04", f"no end of image mark in {len(data)} bytes", path)


def _check_tiff(data: bytes, path: Path) -> None:
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    offset_form, count_form, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + offset_form, data, 8 if big else 4)
        while at:
            if at in seen:
                raise FileError(
                    "H12",
                    "an image must be undamaged",
                    "TIFF pages that point in a circle",
                    "Copy it again.",
                    path,
                )
            seen.add(at)
            (count,) = struct.unpack_from(order + count_form, data, at)
            (at,) = struct.unpack_from(
                order + offset_form, data, at + struct.calcsize(count_form) + count * entry
            )
    except struct.error:
        raise _truncated("H12", f"a TIFF page lies beyond the end ({len(data)} bytes)", path) from None
    if len(seen) != 1:
        raise several("H14", f"{len(seen)} pages", path)
