import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.errors import InputError, InputErrors
from pointillist.datasets.dataset import SPLITS
from pointillist.datasets.ph2 import Ph2
from tests.datasets.trees import PH2_NAMES, disc, draw_ph2, ph2_case, touch


def counts(dataset: Ph2) -> list[int]:
    return [len(dataset.names(split)) for split in SPLITS]


def list_hash(dataset: Ph2) -> str:
    lines = "\n".join(f"{entry.name} {entry.split}" for entry in dataset.entries)
    return hashlib.sha256(lines.encode()).hexdigest()


FROZEN = "90c512eef4ab16ea0bf69da56b5c89b90348f01513943a45e00a9e29995191f7"


def test_the_200_are_split_120_40_40_for_ever_by_their_names_alone(tmp_path: Path) -> None:
    for name in PH2_NAMES:
        touch(*ph2_case(tmp_path, name))  # Empty files: the list must not open one.
    dataset = Ph2(root=tmp_path)
    assert counts(dataset) == [120, 40, 40]
    # The first 120 by MD5 train, as in the reference runs.
    by_hash = sorted(PH2_NAMES, key=lambda name: hashlib.md5(name.encode()).hexdigest())
    assert set(dataset.names("train")) == set(by_hash[:120])
    assert set(dataset.names("test")) == set(by_hash[160:])
    assert list_hash(dataset) == FROZEN


def test_fewer_cases_keep_the_shares(tmp_path: Path) -> None:
    assert counts(Ph2(root=draw_ph2(tmp_path, PH2_NAMES[:12]))) == [8, 2, 2]


@pytest.mark.parametrize("name", ["IMD002", "IMD003"])
def test_the_rgb_mask_and_the_1_bit_masks_read_alike(tmp_path: Path, name: str) -> None:
    draw_ph2(tmp_path, ["IMD002", "IMD003", "IMD004"], size=(58, 77))
    with Image.open(ph2_case(tmp_path, name)[1]) as file:
        assert file.mode == ("RGB" if name == "IMD002" else "1")
    sample = Ph2(root=tmp_path, size=None).read(name)
    np.testing.assert_array_equal(sample.mask, disc(58, 77, 58 / 3))
    # The lesion was drawn dark.
    assert sample.mask is not None
    assert sample.image[:, sample.mask == 1].max() < 0.55
    assert sample.image[:, sample.mask == 0].min() > 0.7


def test_sizes(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:3], size=(58, 77))
    for size, expected in (((144, 192), (144, 192)), (40, (30, 40)), (None, (58, 77))):
        sample = Ph2(root=tmp_path, size=size).read("IMD003")
        assert (sample.height, sample.width) == expected
        assert sample.mask is not None
        assert sample.mask.shape == expected
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Ph2(root=tmp_path, size=(0, 5))


def test_the_root_may_be_the_folder_of_the_cases(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:3])
    assert Ph2(root=tmp_path / "PH2 Dataset images").entries == Ph2(root=tmp_path).entries


def test_what_is_no_case_is_passed_over(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:3])
    touch(
        tmp_path / "PH2 Dataset images" / "Thumbs.db", tmp_path / "PH2 Dataset images" / ".hidden" / "x.bmp"
    )
    assert [entry.name for entry in Ph2(root=tmp_path).entries] == list(PH2_NAMES[:3])


def test_a_root_one_floor_too_high_names_the_right_one(tmp_path: Path) -> None:
    draw_ph2(tmp_path / "PH2Dataset", PH2_NAMES[:3])
    with pytest.raises(InputError, match=r"Did you mean .*PH2Dataset\?") as caught:
        _ = Ph2(root=tmp_path).entries
    assert "ADDI" in caught.value.fix
    with pytest.raises(InputError, match="Did you mean"):
        _ = Ph2(root=tmp_path / "PH2Dataset" / "PH2 Dataset images" / "IMD002").entries


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:5])
    ph2_case(tmp_path, "IMD003")[1].unlink()
    ph2_case(tmp_path, "IMD006")[0].unlink()
    with pytest.raises(InputErrors) as caught:
        _ = Ph2(root=tmp_path).entries
    assert len(caught.value.errors) == 2
    assert "IMD003_lesion.bmp" in str(caught.value)
    assert "IMD006.bmp" in str(caught.value)


def test_no_case_at_all(tmp_path: Path) -> None:
    (tmp_path / "PH2 Dataset images" / "notes").mkdir(parents=True)
    with pytest.raises(InputError, match="IMD002"):
        _ = Ph2(root=tmp_path).entries


def test_image_and_mask_of_two_sizes(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:3])
    Image.fromarray(disc(77, 58, 10)).save(ph2_case(tmp_path, "IMD003")[1])
    with pytest.raises(InputError, match=r"58 x 77.*77 x 58.*swapped"):
        Ph2(root=tmp_path).read("IMD003")


def test_a_mask_of_other_values(tmp_path: Path) -> None:
    draw_ph2(tmp_path, PH2_NAMES[:3])
    Image.fromarray(np.full((58, 77), 7, np.uint8)).save(ph2_case(tmp_path, "IMD003")[1])
    with pytest.raises(InputError, match="7"):
        Ph2(root=tmp_path).read("IMD003")


@pytest.mark.real_data
def test_real_ph2(ph2_root: Path) -> None:
    dataset = Ph2(root=ph2_root)
    assert tuple(entry.name for entry in dataset.entries) == PH2_NAMES
    assert list_hash(dataset) == FROZEN
    for name in ("IMD002", "IMD003", "IMD437"):
        sample = dataset.read(name)
        assert sample.image.shape == (3, 144, 192)
        assert sample.mask is not None
        # The lesion lies inside and is darker than the skin.
        assert 0.02 < (sample.mask == 1).mean() < 0.95
        assert sample.image[:, sample.mask == 1].mean() < sample.image[:, sample.mask == 0].mean()
