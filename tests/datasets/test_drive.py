import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.shapes import IGNORE
from pointillist.datasets.dataset import SPLITS
from pointillist.datasets.drive import Drive
from pointillist.metrics.confusion import accuracy, confusion_matrix, dice, sensitivity, specificity
from tests.datasets.trees import DRIVE_NAMES, disc, draw_drive, drive_vessels

FROZEN = "9a8dca0b5c9d38065365da93aac2f1a44e1fe1bacb2ce2959a8a09b002665176"


def list_hash(dataset: Drive) -> str:
    lines = "\n".join(f"{entry.name} {entry.split}" for entry in dataset.entries)
    return hashlib.sha256(lines.encode()).hexdigest()


def test_the_official_halves_and_four_that_validate_for_ever(tmp_path: Path) -> None:
    draw_drive(tmp_path, DRIVE_NAMES, size=(8, 8))
    for image in tmp_path.rglob("*.tif"):
        image.write_bytes(b"")  # The list must not open one.
    dataset = Drive(root=tmp_path)
    assert [len(dataset.names(split)) for split in SPLITS] == [16, 4, 20]
    assert dataset.names("test") == tuple(f"{n:02d}_test" for n in range(1, 21))
    assert list_hash(dataset) == FROZEN


def test_the_field_of_view_is_the_region_and_the_vessels_are_the_mask(tmp_path: Path) -> None:
    sample = Drive(root=draw_drive(tmp_path)).read("01_test")
    vessels, inside = drive_vessels(58, 56), disc(58, 56, 26)
    np.testing.assert_array_equal(sample.mask, vessels)
    np.testing.assert_array_equal(sample.region, inside)
    # Vessels outside the field of view stay in the mask and are void in the truth.
    assert (vessels & ~inside).any()
    assert (sample.truth()[~inside] == IGNORE).all()
    np.testing.assert_array_equal(sample.truth()[inside], vessels[inside])


def test_resampling_moves_all_three_alike(tmp_path: Path) -> None:
    dataset = Drive(root=draw_drive(tmp_path), size=(29, 28))
    sample = dataset.read("01_test")
    second = dataset.second_observer("01_test")
    assert sample.mask is not None
    assert sample.region is not None
    assert second is not None
    assert sample.image.shape[1:] == sample.mask.shape == sample.region.shape == second.shape == (29, 28)


def test_the_second_observer_counts_in_0_and_1(tmp_path: Path) -> None:
    dataset = Drive(root=draw_drive(tmp_path))
    file = tmp_path / "test" / "2nd_manual" / "01_manual2.gif"
    with Image.open(file) as drawn:
        assert (drawn.mode, drawn.getextrema()) == ("P", (0, 1))
    np.testing.assert_array_equal(
        dataset.second_observer("01_test"), np.roll(drive_vessels(58, 56), 1, axis=0)
    )
    assert dataset.second_observer("21_training") is None
    shutil.rmtree(file.parent)
    assert Drive(root=tmp_path).second_observer("01_test") is None


def test_a_test_half_without_vessels_has_no_mask(tmp_path: Path) -> None:
    shutil.rmtree(draw_drive(tmp_path) / "test" / "1st_manual")
    dataset = Drive(root=tmp_path)
    sample = dataset.read("01_test")
    assert sample.mask is None
    assert sample.region is not None
    assert (sample.truth() == IGNORE).all()
    assert dataset.read(dataset.names("train")[0]).mask is not None


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    draw_drive(tmp_path)
    for file in ("training/1st_manual/21_manual1.gif", "training/mask/23_training_mask.gif"):
        (tmp_path / file).unlink()
    (tmp_path / "test" / "1st_manual" / "02_manual1.gif").unlink()
    with pytest.raises(InputErrors) as caught:
        _ = Drive(root=tmp_path).entries
    assert [error.expected for error in caught.value.errors] == [
        "21_training must have 21_manual1.gif",
        "23_training must have 23_training_mask.gif",
        "02_test must have 02_manual1.gif",
    ]


def test_one_image_in_both_halves(tmp_path: Path) -> None:
    draw_drive(tmp_path)
    for part, file in (("images", "21_training.tif"), ("1st_manual", "21_manual1.gif")):
        shutil.copy(tmp_path / "training" / part / file, tmp_path / "test" / part)
    shutil.copy(tmp_path / "training" / "mask" / "21_training_mask.gif", tmp_path / "test" / "mask")
    with pytest.raises(InputError, match="21_training in both halves"):
        _ = Drive(root=tmp_path).entries


def test_a_file_that_vanishes_later_is_no_silent_none(tmp_path: Path) -> None:
    dataset = Drive(root=draw_drive(tmp_path))
    for part, file in (("1st_manual", "21_manual1.gif"), ("mask", "22_training_mask.gif")):
        name = dataset.entry(f"{file[:2]}_training").name
        (tmp_path / "training" / part / file).unlink()
        with pytest.raises(InputError, match=file):
            dataset.read(name)


def test_wrong_nesting_names_the_right_folder(tmp_path: Path) -> None:
    draw_drive(tmp_path / "DRIVE")
    with pytest.raises(InputError, match=r"Did you mean .*DRIVE\?") as caught:
        _ = Drive(root=tmp_path).entries
    assert "Grand Challenge" in caught.value.fix
    with pytest.raises(InputError, match=r"Did you mean .*DRIVE\?"):
        _ = Drive(root=tmp_path / "DRIVE" / "training").entries
    shutil.rmtree(tmp_path / "DRIVE" / "test")
    with pytest.raises(InputError, match=r"test/images/\*\.tif"):
        _ = Drive(root=tmp_path / "DRIVE").entries


def test_a_field_of_view_of_another_size(tmp_path: Path) -> None:
    draw_drive(tmp_path)
    Image.fromarray(np.zeros((50, 56), np.uint8)).save(tmp_path / "test" / "mask" / "01_test_mask.gif")
    with pytest.raises(InputError, match=r"58 x 56.*50 x 56"):
        Drive(root=tmp_path).read("01_test")


@pytest.mark.real_data
def test_the_second_observer_scores_as_published(drive_root: Path) -> None:
    """Per-image means inside the field of view: Dice .788, Se .776, Sp .9725, Acc .9473."""
    dataset = Drive(root=drive_root)
    matrices = []
    for sample in dataset.samples("test"):
        second = dataset.second_observer(sample.name)
        assert second is not None
        matrices.append(confusion_matrix(second, sample.truth(), 2))
    stack = np.stack(matrices)
    assert len(stack) == 20
    assert dice(stack)[:, 1].mean() == pytest.approx(0.788, abs=5e-4)
    assert sensitivity(stack)[:, 1].mean() == pytest.approx(0.776, abs=5e-4)
    assert specificity(stack)[:, 1].mean() == pytest.approx(0.9725, abs=5e-5)
    assert accuracy(stack).mean() == pytest.approx(0.9473, abs=5e-5)


@pytest.mark.real_data
def test_vessels_outside_the_field_of_view_in_31_of_40_images(drive_root: Path) -> None:
    dataset = Drive(root=drive_root)
    assert list_hash(dataset) == FROZEN
    samples = [dataset.read(entry.name) for entry in dataset.entries]
    assert len(samples) == 40
    outside = [
        ((s.mask == 1) & ~s.region).any() for s in samples if s.mask is not None and s.region is not None
    ]
    assert len(outside) == 40
    assert sum(outside) == 31
