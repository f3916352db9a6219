"""G01: what is shown before a whole file is decoded lies where it has it, and looks the same."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.data.decode import read_image
from pointillist.data.draw import draw_image
from pointillist.data.orientation import turn
from pointillist.data.picture import EIGHTH, read_eighth, read_picture

PERIOD = 96
"""Of the waves, in pixels of the file."""


def waves(height: int, width: int) -> np.ndarray:
    """Waves along the columns in red, along the rows in green: their phase tells where a pixel lies."""
    rows, cols = np.arange(height)[:, None], np.arange(width)[None]
    turns = np.broadcast_arrays(2 * np.pi * cols / PERIOD, 2 * np.pi * rows / PERIOD, 0 * rows + 0 * cols)
    return np.rint(127 + 90 * np.sin(np.stack(turns, -1))).astype(np.uint8)


def places(values: np.ndarray) -> np.ndarray:
    """Find by the waves where each end of a line of pixels lies, up to a period."""
    length = PERIOD // EIGHTH * 4
    found = []
    for at in (0, len(values) - 1 - length):  # The last pixel may be of less than a block.
        numbers = np.arange(at, at + length)
        carrier = np.exp(-2j * np.pi * numbers * EIGHTH / PERIOD)
        found.append(np.angle(((values[numbers] - 127.0) * carrier).sum() * 1j) * PERIOD / 2 / np.pi)
    return np.array(found)


def saved(upright: np.ndarray, orientation: int, path: Path) -> Path:
    """Store pixels so that they are upright once the orientation is undone."""
    undo = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(turn(upright, undo)).save(path, quality=95, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1200, 1600), (1201, 1603), (1207, 1598)])
def test_g01_an_eighth_shows_every_pixel_where_it_is(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    upright = waves(*size)
    path = saved(upright, orientation, tmp_path / "waves.jpg")
    np.testing.assert_allclose(read_picture(path).astype(int), upright, atol=8)
    found = read_eighth(path)
    if found is None:
        assert orientation > 1
        assert size != (1200, 1600)
        return
    assert found.shape == (-(-size[0] // EIGHTH), -(-size[1] // EIGHTH), 3)
    # The middle of a block of 8 lies 3.5 pixels from its first; half a pixel of the small picture are 4.
    across, down = places(found[20, :, 0]), places(found[:, 20, 1])
    np.testing.assert_allclose([*across, *down], 3.5, atol=1.0)
    blocks = np.array(Image.fromarray(read_picture(path)).reduce(EIGHTH)).astype(int)
    assert np.abs(found.astype(int) - blocks)[:-1, :-1].max() <= 6


def test_an_eighth_is_of_jpegs_alone_and_of_whole_ones(tmp_path: Path) -> None:
    Image.fromarray(waves(64, 80)).save(tmp_path / "a.png")
    assert read_eighth(tmp_path / "a.png") is None
    Image.fromarray(waves(64, 80)[:, :, 0]).save(tmp_path / "grey.jpg")
    grey = read_eighth(tmp_path / "grey.jpg")
    assert grey is not None
    assert grey.shape == (8, 10, 3)
    whole = (tmp_path / "grey.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        read_eighth(tmp_path / "half.jpg")
    Image.fromarray(waves(64, 80)).convert("CMYK").save(tmp_path / "cmyk.jpg")
    with pytest.raises(InputError, match="CMYK"):
        read_eighth(tmp_path / "cmyk.jpg")


def forms(root: Path) -> list[Path]:
    rng = numpy_rng(0, "forms")
    colour = rng.integers(0, 256, (30, 41, 4)).astype(np.uint8)
    grey = rng.integers(0, 65536, (30, 41)).astype(np.uint16)
    keyed = io.BytesIO()
    Image.fromarray(colour[:, :, :3]).save(keyed, "png", transparency=(1, 2, 3))
    (root / "keyed.png").write_bytes(keyed.getvalue())
    Image.fromarray(colour).save(root / "clear.png")
    Image.fromarray(colour[:, :, :3]).save(root / "colour.tif")
    Image.fromarray(colour[:, :, 0]).save(root / "grey.png")
    Image.fromarray(colour[:, :, 0] > 99).save(root / "bits.png")
    Image.fromarray(colour[:, :, :3]).quantize(9).save(root / "palette.png")
    Image.fromarray(grey).save(root / "deep.png")
    return sorted(root.iterdir())


def test_a_picture_is_what_the_image_looks_like(tmp_path: Path) -> None:
    for path in forms(tmp_path):
        np.testing.assert_array_equal(read_picture(path), draw_image(read_image(path)), err_msg=path.name)
    ranged = read_picture(tmp_path / "grey.png", (10.0, 99.0))
    np.testing.assert_array_equal(ranged, draw_image(read_image(tmp_path / "grey.png", (10.0, 99.0))))
    assert not np.array_equal(ranged, read_picture(tmp_path / "grey.png"))
