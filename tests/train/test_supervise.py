"""Where annotations come from, and that a learner never sees the mask behind its clicks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pointillist.annotate import Boxes, Full, SizeRanges, Tags
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.datasets import Drive, Folder
from pointillist.train.evaluate import Trained, results
from pointillist.train.run import Run
from pointillist.train.select import HeldOut, Score
from pointillist.train.supervise import supervised
from tests.datasets.trees import draw_drive, draw_folder
from tests.train.small import CPU, small_run

RUN = small_run()
NAME = "train-00000"


def test_clicks_tell_the_truth_and_nothing_else() -> None:
    item = supervised(RUN, NAME)
    mask = item.sample.mask
    assert mask is not None
    known = item.labels != IGNORE
    assert known.sum() == 6
    assert np.array_equal(item.labels[known], mask[known])
    assert item.seconds == pytest.approx(2 * 2.4 + 4 * 0.9)


def test_nothing_is_learnt_outside_the_region_of_interest(tmp_path: Path) -> None:
    data = Drive(root=draw_drive(tmp_path))
    item = supervised(small_run(data=data, annotate=Full()), data.names("train")[0])
    assert item.sample.region is not None
    assert (item.labels[~item.sample.region] == IGNORE).all()
    assert (item.labels[item.sample.region] != IGNORE).all()


def test_a_persons_click_outside_the_region_teaches_nothing(tmp_path: Path) -> None:
    data = Drive(root=draw_drive(tmp_path / "drive"))
    sample = data.read(data.names("train")[0])
    assert sample.region is not None
    outside, inside = (tuple(map(float, np.argwhere(where)[0])) for where in (~sample.region, sample.region))
    marks = (Points(label=1, at=(outside, inside)),)
    drawn = Annotation(
        name=sample.name, height=sample.height, width=sample.width, classes=data.classes, marks=marks
    )
    write_annotation(tmp_path / "clicks" / f"{sample.name}.json", drawn)
    run = small_run(data=data, annotate=None, annotations=tmp_path / "clicks")
    assert (supervised(run, sample.name).labels != IGNORE).sum() == 1


def annotation(name: str = NAME, classes: tuple[str, ...] = ("background", "lesion")) -> Annotation:
    marks = (Points(label=1, at=((12.0, 16.0),)),)
    return Annotation(name=name, height=24, width=32, classes=classes, marks=marks, seconds=3.0)


def test_files_take_the_place_of_simulation(tmp_path: Path) -> None:
    write_annotation(tmp_path / f"{NAME}.json", annotation())
    run = small_run(annotate=None, annotations=tmp_path)
    item = supervised(run, NAME)
    assert (item.labels != IGNORE).sum() == 1
    assert item.labels[12, 16] == 1
    assert item.seconds == 3.0
    unannotated = supervised(run, "train-00001")
    assert (unannotated.labels == IGNORE).all()
    assert unannotated.seconds == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (annotation(name="train-00009"), "one of 'train-00009' for 'train-00000'"),
        (annotation(classes=("background", "cat")), "classes background, cat where background, lesion"),
    ],
)
def test_files_for_something_else_are_refused(tmp_path: Path, wrong: Annotation, words: str) -> None:
    write_annotation(tmp_path / f"{NAME}.json", wrong)
    with pytest.raises(InputError, match=words):
        supervised(small_run(annotate=None, annotations=tmp_path), NAME)


def test_a_folders_own_annotations_are_used_and_its_masks_never_shown(tmp_path: Path) -> None:
    data = Folder(root=draw_folder(tmp_path))
    run = small_run(data=data, annotate=None)
    kinds = set()
    for entry in data.entries:
        sample, item = data.read(entry.name), supervised(run, entry.name)
        assert item.annotation == sample.annotation
        kinds.add((sample.annotation is not None, sample.mask is not None))
        if sample.annotation is None:
            assert (item.labels == IGNORE).all()
    assert data.annotated
    assert {(True, True), (False, True), (False, False)} <= kinds


def test_an_annotation_of_another_shape_is_refused_and_of_another_size_scaled(tmp_path: Path) -> None:
    run = small_run(annotate=None, annotations=tmp_path)
    marks = (Points(label=1, at=((48.0, 64.0),)),)
    larger = Annotation(name=NAME, height=96, width=128, classes=("background", "lesion"), marks=marks)
    write_annotation(tmp_path / f"{NAME}.json", larger)
    assert supervised(run, NAME).labels[12, 16] == 1
    turned = larger.model_copy(update={"height": 128, "width": 96})
    write_annotation(tmp_path / f"{NAME}.json", turned)
    with pytest.raises(InputError, match="128 x 96 for an image of 24 x 32"):
        supervised(run, NAME)


def test_at_a_size_of_another_shape_an_annotation_fits_the_file_and_what_is_trained_on(
    tmp_path: Path,
) -> None:
    data = Folder(root=draw_folder(tmp_path / "data"), size=(20, 20))
    run = small_run(data=data, annotate=None, annotations=tmp_path)
    for height, width, at in ((40, 50, (31.0, 41.0)), (20, 20, (15.0, 16.0))):
        marks = (Points(label=1, at=(at,)),)
        clicked = Annotation(name="patient1-0", height=height, width=width, classes=data.classes, marks=marks)
        write_annotation(tmp_path / "patient1-0.json", clicked)
        assert np.argwhere(supervised(run, "patient1-0").labels == 1).tolist() == [[15, 16]]
    write_annotation(
        tmp_path / "patient1-0.json", clicked.model_copy(update={"height": 50, "width": 40, "marks": ()})
    )
    with pytest.raises(InputError, match="50 x 40 for an image of 40 x 50"):
        supervised(run, "patient1-0")


def test_weights_are_chosen_on_clicks_and_never_on_masks() -> None:
    names = RUN.data.names("val")
    by_clicks, by_masks = HeldOut(RUN, names, CPU), HeldOut(small_run(select="masks"), names, CPU)
    assert [int((known.labels != IGNORE).sum()) for known in (item.known for item in by_clicks.items)] == [
        6,
        6,
        6,
    ]
    assert all((known.labels != IGNORE).all() for known in (item.known for item in by_masks.items))
    assert not HeldOut(small_run(select="last"), names, CPU)
    clicks = RUN.annotate
    assert clicks is not None
    drawn = clicks.annotate(RUN.data.read(names[0]), RUN.data.classes, 0)
    assert by_clicks.tally.seconds == pytest.approx(3 * drawn.seconds)
    drawn = Full().annotate(RUN.data.read(names[0]), RUN.data.classes, 0)
    assert by_masks.tally.seconds == pytest.approx(3 * drawn.seconds)


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    assert Score(float("nan"), 0.0).key < Score(0.0, -9.0).key
    assert Score(0.5, float("nan")).key < Score(0.0, -9.0).key
    assert Score(0.5, -0.1).key > Score(0.5, -0.2).key > Score(0.4, -0.01).key


class Knowing(Trained):
    """A run whose probabilities are known."""

    def probs(self, sample: Sample) -> np.ndarray:
        assert sample.mask is not None
        assert sample.region is not None
        # Right inside the field of view, wrong outside.
        prediction = np.where(sample.region, sample.mask, 1 - sample.mask)
        return np.eye(2, dtype=np.float32)[prediction].transpose(2, 0, 1)


def test_outside_the_region_counts_on_request_only(tmp_path: Path) -> None:
    run = small_run(data=Drive(root=draw_drive(tmp_path)), annotate=Full())
    trained = Knowing(run, nn.Identity(), CPU, {"classes": ["background", "vessel"]})
    inside, whole = list(results(trained, "test")), list(results(trained, "test", whole_image=True))
    assert len(inside) == 3
    for one, other in zip(inside, whole, strict=True):
        assert one.matrix[0, 1] == one.matrix[1, 0] == 0
        assert other.matrix[0, 1] > 0
        sample = trained.run.data.read(one.name)
        assert sample.region is not None
        assert one.matrix.sum() == sample.region.sum()
        assert other.matrix.sum() == sample.region.size


def test_masks_stand_in_for_missing_annotations_when_the_run_says_so(tmp_path: Path) -> None:
    data = Folder(root=draw_folder(tmp_path))
    without, run = (small_run(data=data, annotate=None, use_masks=use) for use in (False, True))
    only_masks = 0
    for entry in data.entries:
        sample, item = data.read(entry.name), supervised(run, entry.name)
        if sample.annotation is not None or sample.mask is None:
            assert item.annotation == sample.annotation
            continue
        only_masks += 1
        assert np.array_equal(item.labels, sample.truth())
        assert item.seconds is not None
        assert item.seconds > 0
        assert supervised(without, entry.name).known.empty
    assert only_masks > 0


def test_masks_stand_in_beside_a_folder_of_annotation_files_too(tmp_path: Path) -> None:
    write_annotation(tmp_path / f"{NAME}.json", annotation())
    run = small_run(annotations=tmp_path, use_masks=True)
    assert (supervised(run, NAME).labels != IGNORE).sum() == 1
    assert (supervised(run, "train-00001").labels != IGNORE).all()


def test_masks_that_no_annotation_leaves_to_stand_in_are_refused() -> None:
    fields = {**small_run().model_dump(mode="json"), "use_masks": True}
    with pytest.raises(InputError, match=r"got annotate: {kind: points}, which draws"):
        validated(Run, fields)
    assert validated(Run, {**fields, "annotate": None}).use_masks
    assert validated(Run, {**fields, "annotations": "clicks"}).use_masks


def test_held_out_images_are_told_as_the_training_images_are() -> None:
    names = RUN.data.names("val")
    for annotate in (Boxes(), Tags(), SizeRanges()):
        held_out = HeldOut(small_run(annotate=annotate), names, CPU)
        assert len(held_out.items) == 3
        score = held_out.score(Constant())
        assert 0 <= score.dice <= 1
        assert score.masks_dice is None
    noted = HeldOut(small_run(annotate=Tags()), names, CPU, with_masks=True).score(Constant())
    # All is lesion: the tags agree fully, the masks in part, which chooses nothing.
    assert noted.dice == 1
    assert noted.masks_dice is not None
    assert noted.masks_best is not None
    assert noted.masks_dice <= noted.masks_best < 1


class Constant(nn.Module):
    """Everything is lesion."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.stack([images[:, 0] * 0 - 3, images[:, 0] * 0 + 3], dim=1)
