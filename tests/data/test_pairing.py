from pathlib import Path

import numpy as np
import pytest

from pointillist.core.errors import InputError, InputErrors
from pointillist.data.pairing import check_same_size, files_by_stem, folder_in_words, meant_root


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_folder_in_words(tmp_path: Path) -> None:
    assert folder_in_words(tmp_path) == "an empty folder"
    touch(tmp_path, ".DS_Store")
    assert folder_in_words(tmp_path) == "an empty folder"
    touch(tmp_path, "b/x", "a.txt")
    assert folder_in_words(tmp_path) == "a folder with 1 folder and 1 file: 'b'; 'a.txt'"
    assert folder_in_words(tmp_path / "a.txt") == "a file"
    touch(tmp_path, *(f"b/{i}" for i in range(9)))
    assert folder_in_words(tmp_path / "b").endswith("10 files: '0', '1', '2', '3', '4', '5', ...")


def test_files_by_stem_are_sorted_and_only_the_wanted(tmp_path: Path) -> None:
    touch(tmp_path, "b.tif", "a.v2.TIFF", "c.png", ".hidden.tif", "folder.tif/x")
    assert files_by_stem(tmp_path, {".tif", ".tiff"}) == {
        "a.v2": tmp_path / "a.v2.TIFF",
        "b": tmp_path / "b.tif",
    }
    assert files_by_stem(tmp_path / "nowhere", {".tif"}) == {}


@pytest.mark.parametrize("twins", [("a.tif", "a.tiff"), ("A.tif", "a.tiff"), ("\u00e9.tif", "e\u0301.tiff")])
def test_equal_stems_name_both_files(tmp_path: Path, twins: tuple[str, str]) -> None:
    touch(tmp_path, *twins, "other.tif")
    with pytest.raises(InputErrors) as caught:
        files_by_stem(tmp_path, {".tif", ".tiff"})
    assert all(repr(name) in str(caught.value) for name in twins)


def test_the_meant_root(tmp_path: Path) -> None:
    touch(tmp_path, "a/wanted/x", "b/c/y")
    assert meant_root(tmp_path, "wanted") == f"Did you mean {tmp_path / 'a'}? "
    assert meant_root(tmp_path / "a" / "wanted", "wanted") == f"Did you mean {tmp_path / 'a'}? "
    assert meant_root(tmp_path, "unknown") == ""


def test_sizes_must_agree() -> None:
    mask, image_file, mask_file = np.zeros((4, 6), np.uint8), Path("a.png"), Path("b.png")
    check_same_size((4, 6), mask, image_file, mask_file)
    with pytest.raises(InputError, match=r"b\.png.*4 x 7.*a\.png.*4 x 6"):
        check_same_size((4, 7), mask, image_file, mask_file)
    with pytest.raises(InputError, match="swapped"):
        check_same_size((6, 4), mask, image_file, mask_file)
