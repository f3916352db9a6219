import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.shapes import IGNORE
from pointillist.datasets.dataset import SPLITS
from pointillist.datasets.massachusetts import Massachusetts
from tests.datasets.trees import CITY, city, draw_massachusetts

layouts = pytest.mark.parametrize("layout", ["sat", "tiff"])


@layouts
def test_the_tiles_put_together_are_the_image(tmp_path: Path, layout: str) -> None:
    dataset = Massachusetts(root=draw_massachusetts(tmp_path, layout), tile=64)
    for split in SPLITS:
        for stem in CITY[split]:
            pixels, houses = city(150, stem)
            image = np.zeros((3, 192, 192), np.float32)
            image[:, :150, :150] = pixels.transpose(2, 0, 1).astype(np.float32) / 255
            mask = np.full((192, 192), IGNORE, np.uint8)
            mask[:150, :150] = houses
            for row in range(3):
                for col in range(3):
                    sample = dataset.read(f"{stem}_{row}_{col}")
                    at = np.s_[row * 64 : row * 64 + 64, col * 64 : col * 64 + 64]
                    np.testing.assert_array_equal(sample.image, image[(..., *at)])
                    np.testing.assert_array_equal(sample.mask, mask[at])
                    np.testing.assert_array_equal(sample.region, mask[at] != IGNORE)
                    assert sample.group == stem


@layouts
def test_the_split_is_what_lies_in_the_folders(tmp_path: Path, layout: str) -> None:
    dataset = Massachusetts(root=draw_massachusetts(tmp_path, layout), tile=64)
    for split in SPLITS:
        assert len(dataset.names(split)) == 9 * len(CITY[split])
        assert {dataset.entry(name).group for name in dataset.names(split)} == set(CITY[split])
    assert dataset.names("test")[:4] == tuple(f"22828990_15_{at}" for at in ("0_0", "0_1", "0_2", "1_0"))


def test_both_layouts_are_one_data_set(tmp_path: Path) -> None:
    sat = Massachusetts(root=draw_massachusetts(tmp_path / "a", "sat"), tile=100)
    tiff = Massachusetts(root=draw_massachusetts(tmp_path / "b", "tiff"), tile=100)
    within = Massachusetts(root=tmp_path / "b" / "tiff", tile=100)
    assert sat.entries == tiff.entries == within.entries
    name = sat.names("val")[3]
    np.testing.assert_array_equal(sat.read(name).mask, tiff.read(name).mask)
    np.testing.assert_array_equal(sat.read(name).image, within.read(name).image)


def test_the_number_of_tiles(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path, side=128)
    for tile, count in ((128, 1), (127, 4), (64, 4), (200, 1)):
        assert len(Massachusetts(root=root, tile=tile).names("test")) == count
    sample = Massachusetts(root=root, tile=64).read("22828990_15_1_1")
    assert sample.region is not None
    assert sample.region.all()


def test_a_block_without_houses_is_all_background(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    black = np.zeros((150, 150, 3), np.uint8)
    tifffile.imwrite(root / "test" / "map" / "22828990_15.tif", black, photometric="rgb")
    sample = Massachusetts(root=root, tile=64).read("22828990_15_0_0")
    assert (sample.mask == 0).all()


def test_the_list_needs_only_headers(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    entries = Massachusetts(root=root, tile=64).entries
    for file in root.rglob("*.tif*"):
        file.write_bytes(file.read_bytes()[:2048])
    dataset = Massachusetts(root=root, tile=64)
    assert dataset.entries == entries
    with pytest.raises(InputError, match="22828990_15"):
        dataset.read("22828990_15_0_0")


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    dataset = Massachusetts(root=root, tile=64)
    before = dataset.read("22828990_15_0_0").mask
    assert before is not None
    white = np.full((150, 150, 3), 255, np.uint8)
    tifffile.imwrite(root / "test" / "map" / "22828990_15.tif", white, photometric="rgb")
    after = dataset.read("22828990_15_0_0").mask
    assert after is not None
    assert (before == 0).any()
    assert (after == 1).all()


def test_missing_maps_and_twins_are_all_named(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    (root / "train" / "map" / "22678915_15.tif").unlink()
    for part, suffix in (("sat", "tiff"), ("map", "tif")):
        shutil.copy(root / "train" / part / f"22678930_15.{suffix}", root / "test" / part)
    with pytest.raises(InputErrors) as caught:
        _ = Massachusetts(root=root).entries
    assert [error.expected for error in caught.value.errors] == [
        "22678915_15.tiff must have a map",
        "an image must be in one split",
    ]


def test_two_files_of_one_stem(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    shutil.copy(root / "train" / "sat" / "22678915_15.tiff", root / "train" / "sat" / "22678915_15.tif")
    with pytest.raises(InputError, match=r"'22678915_15\.tif' and '22678915_15\.tiff'"):
        _ = Massachusetts(root=root).entries


def test_wrong_nesting_and_an_empty_split(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path / "buildings")
    with pytest.raises(InputError, match=r"Did you mean .*buildings\?") as caught:
        _ = Massachusetts(root=tmp_path).entries
    assert "Mnih" in caught.value.fix
    shutil.rmtree(root / "valid")
    with pytest.raises(InputError, match=r"val must hold \*\.tiff images"):
        _ = Massachusetts(root=root).entries


def test_foreign_colours_and_sizes(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    labels = root / "test" / "map" / "22828990_15.tif"
    tifffile.imwrite(labels, np.full((150, 150, 3), (0, 0, 255), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="0,0,255"):
        Massachusetts(root=root).read("22828990_15_0_0")
    tifffile.imwrite(labels, np.zeros((150, 140, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"150 x 150.*150 x 140"):
        Massachusetts(root=root).read("22828990_15_0_0")


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    root = draw_massachusetts(tmp_path)
    (root / "train" / "sat" / "22678915_15.tiff").write_text("<!DOCTYPE html>")
    with pytest.raises(InputError, match="DOCTYPE"):
        _ = Massachusetts(root=root).entries
