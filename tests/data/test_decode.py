"""The decoding module against small hostile files, one per row of the table of bad inputs, and exact ones."""

import io
import os
import socket
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from pointillist.core.errors import InputError
from pointillist.data.container import FileError
from pointillist.data.decode import image_header, image_size, read_image, read_pixels

RAMP = (np.arange(24 * 40 * 3) % 251).astype(np.uint8).reshape(24, 40, 3)


def encoded(pixels: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(height: int, width: int, bits: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    body = b"".join(extra) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def deep_png(pixels: np.ndarray) -> bytes:
    """A 16-bit PNG, unfiltered rows."""
    height, width = pixels.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(height, width, 16, colour, rows)


def animated(form: str, frames: int = 7) -> bytes:
    buffer = io.BytesIO()
    pictures = [Image.fromarray(np.full((8, 8), 30 * i, np.uint8)) for i in range(frames)]
    pictures[0].save(buffer, form, save_all=True, append_images=pictures[1:])
    return buffer.getvalue()


def circular_tiff() -> bytes:
    data = bytearray(tiff(RAMP))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    return bytes(data)


def strip_beyond_end() -> bytes:
    with tifffile.TiffFile(io.BytesIO(tiff(RAMP))) as file:
        at = file.pages[0].tags[273].offset
    data = bytearray(tiff(RAMP))
    struct.pack_into("<I", data, at + 8, 10**9)
    return bytes(data)


def retagged(tag: int, value: int) -> bytes:
    whole = tiff(np.zeros((9, 9), np.float32))
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        at = file.pages[0].tags[tag].offset
    data = bytearray(whole)
    struct.pack_into("<I", data, at + 8, value)
    return bytes(data)


def wrong_checksum() -> bytes:
    data = bytearray(encoded(RAMP))
    data[data.index(b"IDAT") + 8] ^= 1
    return bytes(data)


def nan_tiff() -> bytes:
    pixels = np.zeros((20, 30), np.float32)
    pixels[12, 3:] = np.nan
    return tiff(pixels)


JPEG = encoded(np.repeat(RAMP, 8, 0), "JPEG")
PNG = encoded(np.random.default_rng(0).integers(0, 255, (60, 60, 3)).astype(np.uint8))
GREY = np.zeros((8, 8), np.uint8)
HOSTILE: list[tuple[str, str, bytes, str]] = [
    ("H01", "empty.png", b"", "empty file (0 bytes)"),
    ("H02", "page.png", b"<!DOCTYPE html><html>", "not an image: starts with `<!DOCTYPE"),
    ("H02", "text.jpg", b"version https://git-lfs", "not an image: starts with `version"),
    ("H02", "noise.png", bytes(range(1, 40)), "unknown bytes 01 02"),
    *(("H03", f"cut{n}.png", PNG[: len(PNG) * n // 100], "truncated") for n in (10, 50, 99)),
    ("H03", "cut.bmp", encoded(RAMP, "BMP")[:-400], "truncated"),
    ("H03", "cut.webp", encoded(RAMP, "WEBP")[:-20], "truncated"),
    ("H04", "no_end.jpg", JPEG[:-2], "no end of image"),
    ("H04", "mid_scan.jpg", JPEG[: len(JPEG) * 2 // 3], "truncated"),
    ("H05", "checksum.png", wrong_checksum(), "chunk IDAT with a wrong checksum"),
    ("H05", "header.png", png(8, 8, 3, 0, b""), "damaged"),
    (
        "H05",
        "zlib.png",
        png(8, 8, 8, 0, b"")[:33] + chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b""),
        "damaged",
    ),
    ("H05", "first.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "broken PNG chunk 'IEND'"),
    ("H05", "short_rows.png", png(99, 99, 8, 0, bytes(50)), ""),
    ("H07", "eps.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript, a format not accepted"),
    ("H07", "a.jpg", b"%PDF-1.7\n", "PDF"),
    ("H07", "a.tif", b"8BPS\0\1", "Photoshop"),
    ("H07", "a.png", b"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"),
    ("H08", "bomb.png", png(50_000, 50_000, 1, 0, b"\0" * 1000), "2500000000 pixels"),
    ("H08", "above.png", png(10_001, 10_000, 1, 0, b"\0"), "10001 x 10000 = 100010000 pixels"),
    ("H08", "max.png", png(2**31 - 1, 2**31 - 1, 8, 2, b""), str((2**31 - 1) ** 2)),
    ("H11", "moving.gif", animated("GIF"), "animated: 7 frames"),
    ("H11", "moving.webp", animated("WEBP"), "animated: 7 frames"),
    ("H11", "moving.png", animated("PNG"), "animated: 7 frames"),
    ("H12", "circle.tif", circular_tiff(), "circle"),
    ("H12", "far.tif", strip_beyond_end(), ""),
    ("H12", "no_rows.tif", retagged(257, 0), "no rows"),
    ("H12", "no_type.tif", retagged(339, 6), "for 9 x 9 declared"),
    ("H12", "cut.tif", tiff(RAMP)[:100], ""),
    ("H12", "offset.tif", b"II*\0\xff\xff\xff\x7f", "beyond the end"),
    ("H14", "pages.tif", tiff(np.zeros((5, 20, 20), np.uint8), photometric="minisblack"), "5 pages"),
    ("H19", "nan.tif", nan_tiff(), "27 values, first at (row, col) (12, 3)"),
    ("H20", "float.tif", tiff(np.linspace(-5, 700, 64, dtype=np.float32).reshape(8, 8)), "-5..700"),
    ("H20", "int32.tif", tiff(np.full((8, 8), 100_000, np.int32)), "100000..100000"),
    (
        "H24",
        "two.tif",
        tiff(np.zeros((8, 9, 2), np.uint8), planarconfig="contig", photometric="minisblack"),
        "2 channels",
    ),
    (
        "H24",
        "five.tif",
        tiff(np.zeros((8, 9, 5), np.uint8), planarconfig="contig", photometric="minisblack"),
        "5 channels",
    ),
    (
        "H24",
        "many.tif",
        tiff(np.zeros((8, 9, 13), np.uint16), planarconfig="contig", photometric="minisblack"),
        "13 channels",
    ),
    (
        "H24",
        "nir.tif",
        tiff(np.zeros((8, 9, 4), np.uint8), photometric="rgb", extrasamples=[0]),
        "4 channels",
    ),
]


@pytest.mark.parametrize(("row", "name", "data", "found"), HOSTILE, ids=[f"{r[0]}-{r[1]}" for r in HOSTILE])
def test_hostile_file_is_refused_and_left_alone(
    row: str, name: str, data: bytes, found: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    before = path.stat()
    with pytest.raises(FileError) as caught:
        read_image(path)
    assert caught.value.row == row
    assert found in caught.value.found
    assert caught.value.file == path
    assert caught.value.fix
    assert path.read_bytes() == data
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_colours_that_need_a_profile_are_refused(mode: str, tmp_path: Path) -> None:
    picture = Image.new(mode, (8, 8))
    picture.save(tmp_path / "a.tif")
    if mode == "CMYK":
        picture.save(tmp_path / "a.jpg")
    for path in tmp_path.iterdir():
        with pytest.raises(FileError, match="colour-managed") as caught:
            read_image(path)
        assert caught.value.row == "H16"


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket.png"))
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    kinds = {"folder": "a folder", "pipe": "a pipe", "socket": "a socket", "zero": "a device"}
    links = {"dangling": "no such file or directory", "loop": "too many levels of symbolic links"}
    for path in sorted(tmp_path.iterdir()):
        for read in (read_image, image_size):
            with pytest.raises(FileError) as caught:
                read(path)
            assert caught.value.found == (kinds | links)[path.stem]
            assert caught.value.row == ("H65" if path.stem in kinds else "H66")
    server.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    path.chmod(0)
    with pytest.raises(FileError, match="permission denied"):
        read_image(path)
    path.chmod(stat.S_IRUSR)


def landmarks() -> np.ndarray:
    """8 x 16 blocks of 8 pixels, each corner another colour: any wrong turn shows."""
    small = np.zeros((4, 8, 3), np.uint8)
    small[0, 0], small[0, -1], small[-1, 0], small[1, 2] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    )
    return small.repeat(8, 0).repeat(8, 1)


def stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera held that way stores it: written out by hand, not by our own function."""
    ways: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(ways[orientation](pixels))


SAVED: list[tuple[str, dict[str, object]]] = [
    ("a.jpg", {"quality": 100, "subsampling": 0}),
    ("a.png", {}),
    ("a.webp", {"lossless": True}),
    ("a.tif", {}),
    ("lzw.tif", {"compression": "tiff_lzw"}),
    ("jpeg.tif", {"compression": "jpeg", "quality": 100}),
]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("name", "options"), SAVED, ids=[s[0] for s in SAVED])
def test_h26_orientation_is_undone_once(
    orientation: int, name: str, options: dict[str, object], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(stored(landmarks(), orientation))
    picture.save(tmp_path / name, exif=exif, **options)
    image = read_image(tmp_path / name)
    assert image_size(tmp_path / name) == image.shape[1:] == (32, 64)
    assert np.abs(image - landmarks().transpose(2, 0, 1) / np.float32(255)).max() < 0.2
    assert read_pixels(tmp_path / name).orientation == orientation
    with Image.open(tmp_path / name) as reference:
        assert ImageOps.exif_transpose(reference).size == (64, 32)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_h26_orientation_of_deep_tiff(orientation: int, tmp_path: Path) -> None:
    deep = landmarks().astype(np.uint16) * 257
    path = tmp_path / "deep.tif"
    path.write_bytes(
        tiff(stored(deep, orientation), photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    )
    assert (read_pixels(path).pixels == deep).all()
    assert image_size(path) == (32, 64)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_h27_invalid_orientation_is_announced_and_ignored(
    orientation: int, name: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(landmarks()).save(tmp_path / name, exif=exif)
    decoded = read_pixels(tmp_path / name)
    assert decoded.pixels.shape == (32, 64, 3)
    assert decoded.warnings == (f"ignored invalid EXIF orientation {orientation}: taken as upright",)


def test_h26_png_may_say_it_after_its_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    late = chunk(b"eXIf", exif.tobytes()[6:])
    data = encoded(stored(landmarks(), 6))
    (tmp_path / "a.png").write_bytes(data[:-12] + late + data[-12:])
    assert (read_pixels(tmp_path / "a.png").pixels == landmarks()).all()
    assert image_size(tmp_path / "a.png") == (32, 64)


def test_h27_broken_exif_is_announced(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(landmarks()).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    decoded = read_pixels(path)
    assert decoded.pixels.shape == (32, 64, 3)
    assert any("EXIF" in warning for warning in decoded.warnings)


def test_h06_name_and_content_differ(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(tiff(RAMP))
    decoded = read_pixels(path)
    assert decoded.warnings == ("named .png, is TIFF",)
    assert (decoded.pixels == RAMP).all()


def test_h10_text_bomb_is_refused(tmp_path: Path) -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(100 << 20), 9))
    path = tmp_path / "a.png"
    path.write_bytes(png(8, 8, 8, 0, bytes(72), bomb))
    with pytest.raises(InputError):
        read_image(path)


def test_h11_a_bomb_of_frames_is_refused(tmp_path: Path) -> None:
    whole = animated("GIF", 3)
    frame = whole[whole.index(b"\x21\xf9", 20) : -1]
    (tmp_path / "a.gif").write_bytes(whole[:-1] + frame * 5000 + b";")
    with pytest.raises(FileError, match="animated: more than 1000 frames"):
        read_image(tmp_path / "a.gif")


DEEP = np.arange(65536).astype(np.uint16).reshape(256, 256)
DEEP_COLOURS = np.stack([DEEP, DEEP[::-1], DEEP.T], axis=-1)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", deep_png(DEEP)),
        ("pillow.png", encoded(DEEP)),
        ("a.tif", tiff(DEEP)),
        ("big_endian.tif", tiff(DEEP, byteorder=">")),
        ("deflate.tif", tiff(DEEP, compression="zlib", predictor=True)),
        ("lzw.tif", encoded(DEEP, "TIFF", compression="tiff_lzw")),
        ("white.tif", tiff(65535 - DEEP, photometric="miniswhite")),
    ],
)
def test_h17_sixteen_bit_grey_keeps_every_level(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    decoded = read_pixels(tmp_path / name)
    assert decoded.pixels.dtype == np.uint16
    assert (decoded.pixels == DEEP).all()
    image = read_image(tmp_path / name)
    assert image.shape == (1, 256, 256)
    assert np.abs(image[0] - DEEP / 65535).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", deep_png(DEEP_COLOURS)),
        ("a.tif", tiff(DEEP_COLOURS, photometric="rgb")),
        ("planar.tif", tiff(DEEP_COLOURS.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")),
    ],
)
def test_h18_sixteen_bit_colour_keeps_every_level(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert (read_pixels(tmp_path / name).pixels == DEEP_COLOURS).all()
    assert np.abs(read_image(tmp_path / name) - DEEP_COLOURS.transpose(2, 0, 1) / 65535).max() < 1e-6
    assert image_header(tmp_path / name) == (256, 256, 3)


def test_h18_filtered_sixteen_bit_colour(tmp_path: Path) -> None:
    # Every PNG filter reads bytes to the left at the distance of a whole pixel.
    colours, rows = DEEP_COLOURS[:40, :50].astype(">u2"), b""
    above = np.zeros(300, np.uint8)
    for number, row in enumerate(colours):
        now = np.frombuffer(row.tobytes(), np.uint8)
        left = np.concatenate([np.zeros(6, np.uint8), now[:-6]])
        kind = number % 3
        rows += bytes([kind]) + (now - (np.zeros(300, np.uint8), left, above)[kind]).tobytes()
        above = now
    (tmp_path / "a.png").write_bytes(png(40, 50, 16, 2, rows))
    assert (read_pixels(tmp_path / "a.png").pixels == DEEP_COLOURS[:40, :50]).all()


def test_h18_what_cannot_keep_its_depth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(deep_png(np.stack([DEEP, DEEP], -1)))
    with pytest.raises(FileError, match="16-bit grey PNG with transparency"):
        read_image(tmp_path / "a.png")


def test_h20_float_tiff(tmp_path: Path) -> None:
    unit = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    (tmp_path / "unit.tif").write_bytes(tiff(unit))
    (tmp_path / "wide.tif").write_bytes(tiff(unit * 700 - 5))
    assert (read_image(tmp_path / "unit.tif")[0] == unit).all()
    assert np.abs(read_image(tmp_path / "wide.tif", (-5, 695))[0] - unit).max() < 1e-6
    (tmp_path / "ids.tif").write_bytes(tiff(np.full((8, 8), 70, np.uint32)))
    with pytest.raises(FileError):  # Nobody knows what 70 of 2^32 means.
        read_image(tmp_path / "ids.tif")


def test_h21_files_that_look_alike_read_alike(tmp_path: Path) -> None:
    shown = RAMP.copy()
    shown[:, :10] = 0
    alpha = np.full((24, 40, 1), 255, np.uint8)
    alpha[:, :10] = 0
    garbage = RAMP.copy()
    garbage[:, :10] = 200
    for name, colours in (("a", RAMP), ("b", garbage)):
        Image.fromarray(np.concatenate([colours, alpha], -1)).save(tmp_path / f"{name}.png")
        Image.fromarray(np.concatenate([colours, alpha], -1)).save(tmp_path / f"{name}.tif")
    Image.fromarray(np.dstack([RAMP, np.full((24, 40), 255, np.uint8)])).save(tmp_path / "opaque.png")
    want = shown.transpose(2, 0, 1) / np.float32(255)
    for name in ("a.png", "b.png", "a.tif", "b.tif"):
        assert (read_image(tmp_path / name) == want).all()
    assert (read_image(tmp_path / "opaque.png") == RAMP.transpose(2, 0, 1) / np.float32(255)).all()


@pytest.mark.parametrize("deep", [np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_h21_colours_that_are_multiplied_by_opacity_are_not_dimmed_twice(
    deep: type, channels: int, tmp_path: Path
) -> None:
    most = 65535 if deep is np.uint16 else 1
    pixels = np.full((4, 6, channels + 1), 0.2 * most, deep)
    pixels[..., -1] = 0.4 * most
    form = "rgb" if channels == 3 else "minisblack"
    for kind, seen in (("assocalpha", 0.2), ("unassalpha", 0.08)):
        (tmp_path / "a.tif").write_bytes(tiff(pixels, photometric=form, extrasamples=[kind]))
        assert read_image(tmp_path / "a.tif") == pytest.approx(np.full((channels, 4, 6), seen), abs=1e-4)


def test_h21_transparent_palette_colour(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png", transparency=0)
    assert read_image(tmp_path / "a.png")[:, 0].tolist() == [[0, 0], [0, 1], [0, 0]]


def test_h22_palette_images_give_colours(tmp_path: Path) -> None:
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    colours = np.array([[255, 0, 0], [0, 128, 0], [10, 20, 30]], np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette(colours.reshape(-1).tolist())
    for name in ("a.png", "a.gif", "a.tif", "a.bmp"):
        picture.save(tmp_path / name)
        decoded = read_pixels(tmp_path / name)
        assert decoded.palette is not None
        assert (np.array(decoded.palette)[decoded.pixels] == colours[indices]).all()
        assert (read_image(tmp_path / name) == colours[indices].transpose(2, 0, 1) / np.float32(255)).all()


def test_h23_few_bits_count_from_zero(tmp_path: Path) -> None:
    Image.fromarray(np.eye(8, dtype=bool)).save(tmp_path / "one.png")
    Image.fromarray(np.eye(8, dtype=bool)).save(tmp_path / "one.tif")
    for name in ("one.png", "one.tif"):
        assert (read_pixels(tmp_path / name).pixels == np.eye(8, dtype=np.uint8)).all()
        assert (read_image(tmp_path / name)[0] == np.eye(8)).all()
    (tmp_path / "two.png").write_bytes(png(1, 4, 2, 0, b"\0" + bytes([0b00011011])))
    assert read_pixels(tmp_path / "two.png").pixels.tolist() == [[0, 1, 2, 3]]
    assert read_image(tmp_path / "two.png").ravel().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(("bits", "row"), [(2, 0b00011011), (4, 0x0123_89EF)])
def test_h23_few_bits_count_from_zero_in_a_tiff(bits: int, row: int, tmp_path: Path) -> None:
    data = row.to_bytes(bits * bits // 4)
    values = [row >> at & 2**bits - 1 for at in range(8 * len(data) - bits, -1, -bits)]
    for least, told in ((1, values), (0, [2**bits - 1 - value for value in values])):
        tags = {
            256: len(values),
            257: 1,
            258: bits,
            259: 1,
            262: least,
            273: 8,
            277: 1,
            278: 1,
            279: len(data),
        }
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        head = b"II*\0" + struct.pack("<I", 12) + data.ljust(4, b"\0") + struct.pack("<H", len(tags))
        (tmp_path / "a.tif").write_bytes(head + entries + bytes(4))
        assert read_pixels(tmp_path / "a.tif").pixels.tolist() == [told]
        assert read_image(tmp_path / "a.tif").ravel() == pytest.approx(np.array(told) / (2**bits - 1))


def test_h25_planar_equals_interleaved(tmp_path: Path) -> None:
    (tmp_path / "planar.tif").write_bytes(
        tiff(RAMP.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    )
    (tmp_path / "plain.tif").write_bytes(tiff(RAMP, photometric="rgb"))
    assert (read_pixels(tmp_path / "planar.tif").pixels == RAMP).all()
    assert (read_image(tmp_path / "planar.tif") == read_image(tmp_path / "plain.tif")).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (97, 131)])
def test_h29_h31_odd_sizes(shape: tuple[int, int], tmp_path: Path) -> None:
    Image.fromarray(np.full(shape, 7, np.uint8)).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (1, *shape)
    assert np.isfinite(image).all()
    assert image_header(tmp_path / "a.png") == (*shape, 1)


def test_h28_foreign_colour_profile_is_announced(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.png", icc_profile=b"Adobe RGB (1998) or so")
    assert "colour profile" in read_pixels(tmp_path / "a.png").warnings[0]


def test_bytes_after_the_end_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG + bytes(100))
    assert read_image(tmp_path / "a.jpg").shape == (3, 192, 40)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_any_damage_is_an_image_or_an_input_error(form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole = encoded(RAMP[:, :, 0] if form == "GIF" else RAMP, form)
    path = tmp_path / "a"
    for number in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data[: rng.integers(1, len(data))] if number % 2 else data)
        try:
            image = read_image(path)
        except InputError:
            continue
        assert np.isfinite(image).all()
        assert 0 <= image.min() <= image.max() <= 1
