"""Mask files: every coding in the wild reads as class indices, and what has no code is named."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.data.container import FileError
from pointillist.data.declaration import Declaration
from pointillist.data.mask import EITHER, Codes, read_mask

BINARY: Codes = {0: 0, 1: 1, 255: 1}
DRAWN = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
    ],
    np.uint8,
)


def save(path: Path, pixels: np.ndarray, palette: list[int] | None = None, **options: object) -> Path:
    picture = Image.fromarray(pixels)
    if palette is not None:
        picture.putpalette(palette)
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif"])
def test_h36_every_binary_coding_reads_alike(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.{suffix}"
    for pixels, palette in (
        (DRAWN, None),
        (DRAWN * np.uint8(255), None),
        (DRAWN.astype(bool), None),
        (DRAWN, [4, 2, 4, 252, 254, 252]),  # DRIVE's second observer: indices 0/1, odd colours
        (DRAWN * np.uint8(255), [0, 0, 0] + [9, 9, 9] * 254 + [255, 255, 255]),
        (np.repeat(DRAWN[:, :, None] * np.uint8(255), 3, 2), None),  # PH2's IMD002: RGB black and white
    ):
        if suffix == "gif" and (pixels.ndim == 3 or pixels.dtype == bool):
            continue
        np.testing.assert_array_equal(read_mask(save(file, pixels, palette), BINARY), DRAWN)


def test_opaque_alpha_is_passed_over(tmp_path: Path) -> None:
    grey = DRAWN * np.uint8(255)
    full = np.full_like(grey, 255)
    for name, pixels in (("la", np.dstack([grey, full])), ("rgba", np.dstack([grey, grey, grey, full]))):
        np.testing.assert_array_equal(read_mask(save(tmp_path / f"{name}.png", pixels), BINARY), DRAWN)


def test_a_palette_of_greys_may_stand_for_grey_values(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", DRAWN, [0, 0, 0, 255, 255, 255])
    np.testing.assert_array_equal(read_mask(file, {0: 0, 255: 1}), DRAWN)


def test_h40_palette_indices_count_and_255_is_void_only_when_declared(tmp_path: Path) -> None:
    indices = DRAWN.copy()
    indices[0] = 255
    file = save(tmp_path / "a.png", indices, [7] * 768)
    assert (read_mask(file, {0: 0, 1: 15, 255: IGNORE})[0] == IGNORE).all()
    with pytest.raises(FileError) as caught:
        read_mask(file, {0: 0, 1: 15})
    assert caught.value.found == "255 in 8 pixels, first at (row, col) (0, 0)"


def test_h40_a_palette_that_begins_with_white_is_not_read_the_other_way_round(tmp_path: Path) -> None:
    # As Pillow's own choice of a palette stores it.
    Image.fromarray(np.repeat(DRAWN[:, :, None] * np.uint8(255), 3, 2)).quantize(2).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as stored:
        assert np.array_equal(np.asarray(stored), 1 - DRAWN)
    with pytest.raises(FileError, match="index 0 in colour 255, index 1 in colour 0") as caught:
        read_mask(tmp_path / "a.png", EITHER)
    assert caught.value.row == "H40"
    assert "indices alone (0, 1), or of the colours alone (255, 0)" in caught.value.fix
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", {0: 0, 255: 1}), DRAWN)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", {0: 0, 1: 1}), 1 - DRAWN)
    blank = save(tmp_path / "b.png", DRAWN, [0] * 6)
    np.testing.assert_array_equal(read_mask(blank, EITHER), DRAWN, "colours alike tell nothing")


def test_colours(tmp_path: Path) -> None:
    colours = np.array([[10, 20, 30], [255, 0, 0]], np.uint8)[DRAWN]
    codes: Codes = {(10, 20, 30): 0, (255, 0, 0): 7}
    np.testing.assert_array_equal(read_mask(save(tmp_path / "a.png", colours), codes), DRAWN * 7)
    file = save(tmp_path / "p.png", DRAWN, [10, 20, 30, 255, 0, 0])
    np.testing.assert_array_equal(read_mask(file, codes), DRAWN * 7)


def test_h41_unknown_colour_is_named_with_count_and_place(tmp_path: Path) -> None:
    colours = np.array([[10, 20, 30], [255, 0, 0]], np.uint8)[DRAWN]
    colours[2, 5] = colours[5, 0] = (1, 2, 3)
    with pytest.raises(FileError) as caught:
        read_mask(save(tmp_path / "a.png", colours), {(10, 20, 30): 0, (255, 0, 0): 1})
    assert caught.value.row == "H41"
    assert caught.value.expected == "a mask must hold only 10,20,30, 255,0,0"
    assert caught.value.found == "1,2,3 in 2 pixels, first at (row, col) (2, 5)"


def smooth() -> np.ndarray:
    rows, cols = np.mgrid[:64, :64]
    return np.clip(255 * (20 - np.hypot(rows - 31, cols - 31)) / 12, 0, 255).astype(np.uint8)


def test_h38_jpeg_mask(tmp_path: Path) -> None:
    disc = (smooth() > 128) * np.uint8(255)
    with pytest.raises(FileError, match="PNG") as caught:
        read_mask(save(tmp_path / "a.jpg", disc, quality=60), BINARY)
    assert caught.value.row == "H38"
    assert "distinct values" in caught.value.found
    assert "lossy" in caught.value.found


def test_h39_smoothed_mask(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="smoothing") as caught:
        read_mask(save(tmp_path / "a.png", smooth()), BINARY)
    assert caught.value.row == "H39"
    assert f"0 x {int((smooth() == 0).sum())}" in caught.value.found


def test_h42_mask_hidden_in_alpha(tmp_path: Path) -> None:
    black = np.zeros((6, 8), np.uint8)
    with pytest.raises(FileError, match="transparency") as caught:
        read_mask(save(tmp_path / "a.png", np.dstack([black, black, black, DRAWN * np.uint8(255)])), BINARY)
    assert caught.value.row == "H42"


def test_h43_ids_above_255_neither_wrap_nor_clip(tmp_path: Path) -> None:
    ids = np.array([[0, 256, 511]], np.uint16)
    for name in ("a.png", "a.tif"):
        file = save(tmp_path / name, ids)
        assert read_mask(file, {0: 0, 256: 1, 511: 2}).tolist() == [[0, 1, 2]]
        with pytest.raises(FileError, match="511 in 1 pixels"):
            read_mask(file, {0: 0, 256: 1, 255: 2})


def test_h44_real_numbers(tmp_path: Path) -> None:
    values = DRAWN.astype(np.float32)
    tifffile.imwrite(tmp_path / "whole.tif", values)
    np.testing.assert_array_equal(read_mask(tmp_path / "whole.tif", BINARY), DRAWN)
    values[2, 3] = 0.9999
    tifffile.imwrite(tmp_path / "real.tif", values)
    with pytest.raises(FileError) as caught:
        read_mask(tmp_path / "real.tif", BINARY)
    assert caught.value.row == "H44"
    assert caught.value.found == "1 non-integer labels, first 0.9999 at (row, col) (2, 3)"


def test_negative_labels_are_refused_in_words(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.array([[0, -1, 1]], np.int32))
    with pytest.raises(InputError, match="got -1 in 1 pixels"):
        read_mask(tmp_path / "m.tif", {0: 0, 1: 1})


def test_h51_class_ids_beyond_the_declared(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_mask(save(tmp_path / "a.png", DRAWN * np.uint8(5)), {0: 0, 1: 1, 2: 2})
    assert caught.value.row == "H51"
    assert caught.value.found.startswith("5 in 17 pixels, first at (row, col) (1, 2)")


def test_h51_one_and_255_in_one_file_mean_different_things(tmp_path: Path) -> None:
    for value in (1, 255):
        assert np.array_equal(
            read_mask(save(tmp_path / f"{value}.png", DRAWN * np.uint8(value)), EITHER), DRAWN
        )
    both = DRAWN.copy()
    both[0] = 255
    with pytest.raises(FileError, match="got both: 1 in 17 pixels, 255 in 8") as caught:
        read_mask(save(tmp_path / "both.png", both), EITHER)
    assert "--unlabelled 255" in caught.value.fix
    advised = yaml.safe_load("codes: {" + caught.value.fix.partition("codes: {")[2].partition("}")[0] + "}")
    assert Declaration(**advised).codes == {"0": "background", "1": "foreground", "255": "unlabelled"}
    declared = read_mask(tmp_path / "both.png", dict(BINARY))
    assert (declared[0] == 1).all(), "who declares that both are the object is believed"


def test_codes_must_lead_to_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="256"):
        read_mask(save(tmp_path / "a.png", DRAWN), {0: 0, 1: 256})


def test_orientation_turns_masks_as_it_turns_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(
        read_mask(save(tmp_path / "a.png", np.ascontiguousarray(np.rot90(DRAWN)), exif=exif), BINARY), DRAWN
    )


def test_real_drive_and_ph2_masks_read_with_the_same_codes(drive_root: Path, ph2_root: Path) -> None:
    shares = {
        part: read_mask(next((drive_root / "test" / part).glob("01_*")), BINARY).mean()
        for part in ("1st_manual", "2nd_manual")
    }
    assert shares["1st_manual"] == pytest.approx(shares["2nd_manual"], rel=0.3)
    odd = ph2_root / "PH2 Dataset images" / "IMD002" / "IMD002_lesion" / "IMD002_lesion.bmp"
    assert set(np.unique(read_mask(odd, BINARY))) == {0, 1}
