"""What every data set in the table keeps, on a small tree in its official layout or as it draws itself."""

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.datasets import DATASETS, AnyDataset
from pointillist.datasets.dataset import SPLITS, Dataset
from tests.datasets.trees import BUILDERS, build

A_FEW = 3


@pytest.fixture(params=list(DATASETS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def dataset(kind: str, root: Path) -> Dataset:
    return build(kind, root)


def some(dataset: Dataset) -> list[str]:
    return [name for split in SPLITS for name in dataset.names(split)[:A_FEW]]


def assert_equal(one: Sample, other: Sample) -> None:
    assert (one.name, one.group, one.annotation, one.bits) == (
        other.name,
        other.group,
        other.annotation,
        other.bits,
    )
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.region, other.region)


def snapshot(root: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in root.rglob("*")
        if path.is_file()
    }


def test_samples_are_what_they_promise(dataset: Dataset) -> None:
    assert dataset.classes[0] == "background"
    assert len(set(dataset.classes)) == len(dataset.classes) == len(dataset.colours)
    allowed = {*range(len(dataset.classes)), IGNORE}
    for name in some(dataset):
        sample = dataset.read(name)
        assert sample.name == name
        assert sample.group == dataset.entry(name).group
        assert sample.image.dtype == np.float32
        assert sample.image.shape[0] in (1, 3)
        assert sample.image.min() >= 0
        assert sample.image.max() <= 1
        assert sample.image.flags.c_contiguous
        shape = (sample.height, sample.width)
        if sample.mask is not None:
            assert sample.mask.dtype == np.uint8
            assert sample.mask.shape == shape
            assert set(np.unique(sample.mask)) <= allowed
        if sample.region is not None:
            assert sample.region.dtype == bool
            assert sample.region.shape == shape
            assert sample.region.any()


def test_the_training_half_shows_every_class(dataset: Dataset) -> None:
    seen: set[int] = set()
    for name in dataset.names("train")[:20]:
        seen |= set(np.unique(dataset.read(name).truth()).tolist())
    assert seen >= set(range(len(dataset.classes)))


def test_splits_are_disjoint_and_none_is_empty(dataset: Dataset) -> None:
    names = [entry.name for entry in dataset.entries]
    assert len(set(names)) == len(names)
    assert sorted(name for split in SPLITS for name in dataset.names(split)) == sorted(names)
    assert all(dataset.names(split) for split in SPLITS)


def test_a_group_never_straddles_a_split(dataset: Dataset) -> None:
    pairs = {(entry.group, entry.split) for entry in dataset.entries}
    assert len(pairs) == len({group for group, _ in pairs})


def test_reading_twice_in_any_order_gives_equal_arrays(dataset: Dataset, kind: str, root: Path) -> None:
    names = some(dataset)
    first = {name: dataset.read(name) for name in names}
    again = build(kind, root) if kind not in BUILDERS else type(dataset).model_validate(dataset.model_dump())
    for name in reversed(names):
        assert_equal(again.read(name), first[name])


def test_a_reader_owns_what_it_read(dataset: Dataset) -> None:
    name = dataset.names("train")[0]
    sample, kept = dataset.read(name), dataset.read(name)
    for array in (sample.image, sample.mask, sample.region):
        if array is not None:
            array[...] = 0
    assert_equal(dataset.read(name), kept)


def test_the_list_is_frozen(dataset: Dataset, kind: str, root: Path, tmp_path: Path) -> None:
    """Neither where the tree lies nor in which order its files came to the disk matters."""
    assert dataset.list_entries() == dataset.entries
    if kind not in BUILDERS:
        assert build(kind, root).entries == dataset.entries
        return
    moved = tmp_path / "elsewhere" / "root"
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file():
            target = moved / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    twin = type(dataset).model_validate(dataset.model_dump() | {"root": moved})
    assert twin.entries == dataset.entries
    name = dataset.names("test")[0]
    assert_equal(twin.read(name), dataset.read(name))


def test_reading_leaves_the_files_alone(dataset: Dataset, root: Path) -> None:
    before = snapshot(root)
    for name in some(dataset):
        dataset.read(name)
    assert snapshot(root) == before


def test_json_round_trip(dataset: Dataset) -> None:
    adapter: TypeAdapter[Dataset] = TypeAdapter(AnyDataset)
    again = adapter.validate_json(dataset.to_json())
    assert type(again) is type(dataset)
    assert again == dataset
    assert again.id == dataset.id
    assert again.entries == dataset.entries


def test_a_worker_process_can_have_it(dataset: Dataset) -> None:
    name = dataset.entries[0].name
    assert_equal(pickle.loads(pickle.dumps(dataset)).read(name), dataset.read(name))


def test_an_unknown_name_is_a_mistake_in_words(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="no-such-sample"):
        dataset.read("no-such-sample")


def test_an_unknown_field_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="sise"):
        DATASETS[kind].model_validate({"root": "/nowhere", "sise": 3})


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_a_root_that_is_not_there_is_a_mistake_in_words(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        _ = DATASETS[kind].model_validate({"root": tmp_path / "nowhere"}).entries
