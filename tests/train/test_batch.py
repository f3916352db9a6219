"""From a cut batch to images and target: what must stay upright does, and everything moves along."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pointillist.annotate import Boxes, Full, Mixed, PointsAnnotator, Several, SizeRanges, Tags
from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.data.augment import Augment
from pointillist.losses import BoxTightness, Centroid, CrossEntropy, Size, SoftCrossEntropy, Tag
from pointillist.train.batch import augmented
from pointillist.train.feed import Batch, Feed
from pointillist.train.run import Run
from pointillist.train.term import Term
from tests.train.small import CPU, small_run

# The colours are kept, so that an image which was only mirrored and turned holds the very same values.
MOVES = Augment(rotate_degrees=20, scale=0.2, brightness=0, contrast=0, saturation=0)
TURNS = Augment(rotate_degrees=0, scale=0, brightness=0, contrast=0, saturation=0)


def first(run: Run, **changes: Any) -> Batch:
    return next(iter(Feed(run, run.data.names("train"), CPU, **changes).epoch(0)))


def run_of(annotate: Any, *losses: Any, **changes: Any) -> Run:
    fields = {"augment": MOVES, "batch": 5, "annotate": annotate, **changes}
    return small_run(supervise=[Term(loss=loss) for loss in losses], **fields)


def upright(before: Batch, images: Tensor) -> list[bool]:
    """Say which images hold the same values as before."""
    pairs = zip(before.images.float() / 255, images, strict=True)
    return [bool(torch.allclose(a.flatten().sort()[0], b.flatten().sort()[0], atol=1e-4)) for a, b in pairs]


@pytest.mark.parametrize(
    ("annotate", "losses", "stays"),
    [
        (Boxes(), [CrossEntropy(), BoxTightness()], True),
        (Boxes(), [CrossEntropy()], False),
        (SizeRanges(), [Size()], True),
        (SizeRanges(), [Tag()], False),
        (PointsAnnotator(positive=2, negative=2), [CrossEntropy(), Size(), BoxTightness()], False),
        (PointsAnnotator(positive=2, negative=2), [CrossEntropy(), Tag()], False),
        (Tags(), [Tag()], True),
        (Tags(), [Size()], False),
        (SizeRanges(), [CrossEntropy(), Centroid()], False),
        (Several(of=(PointsAnnotator(positive=2, negative=2), Tags())), [CrossEntropy(), Tag()], False),
        (Full(), [CrossEntropy(), Size(), Tag(), BoxTightness()], False),
    ],
)
def test_an_image_stays_upright_where_a_term_reads_what_only_then_holds(
    annotate: Any, losses: list[Any], stays: bool
) -> None:
    run = run_of(annotate, *losses)
    batch = first(run)
    images, _ = augmented(run, batch)
    assert upright(batch, images) == [stays] * 5


def test_in_one_batch_some_stay_upright_and_the_others_move() -> None:
    people = ((Boxes(), 0.5), (PointsAnnotator(positive=2, negative=2), 0.5))
    run = run_of(Mixed(of=people), CrossEntropy(), BoxTightness())
    batch = first(run)
    images, target = augmented(run, batch)
    boxed = [len(known.boxes) > 0 for known in batch.known]
    assert len(set(boxed)) == 2
    assert upright(batch, images) == boxed
    assert [bool((rows[:, 0] != IGNORE).any()) for rows in target.boxes] == boxed
    for rows, labels in zip(target.boxes, target.labels, strict=True):
        for label, top, left, bottom, right in rows.tolist():
            if label != IGNORE:  # Nothing is labelled in a box; everything is around it.
                assert (labels[top:bottom, left:right] == IGNORE).all()
                labels[top:bottom, left:right] = 0
    assert [bool((labels == 0).all()) for labels in target.labels] == boxed


def test_a_present_class_is_heard_of_though_images_vary() -> None:
    run = run_of(Tags(), Tag())
    _, target = augmented(run, first(run))
    assert target.tags.tolist() == [[IGNORE, 1]] * 5


def test_in_crops_presence_is_unknown_and_absence_stays() -> None:
    run = run_of(Tags(), Tag(), crop=16)
    batch = first(run)
    without = replace(batch.known[0], tags=np.array([IGNORE, 0], np.uint8))
    images, target = augmented(run, replace(batch, known=(without, *batch.known[1:])))
    assert images.shape[2:] == (16, 16)
    assert target.tags.tolist() == [[IGNORE, 0], *[[IGNORE, IGNORE]] * 4]


def test_where_terms_read_labels_alone_nothing_else_is_told() -> None:
    run = run_of(Full(), CrossEntropy())
    batch = first(run)
    _, target = augmented(run, batch)
    nothing = Target.from_labels(target.labels, 2)
    for name in ("tags", "boxes", "sizes", "centroids", "soft"):
        assert torch.equal(getattr(target, name), getattr(nothing, name))


def with_soft(run: Run) -> Batch:
    """Give a batch whose soft labels are the one-hot label map."""
    batch = first(run)
    soft = (batch.labels[:, None] == torch.arange(2)[:, None, None]).to(torch.uint8) * 255
    return Batch(batch.images, batch.labels, batch.share, batch.known, batch.windows, soft)


def one_hot(labels: Tensor) -> Tensor:
    return (labels[:, None] == torch.arange(2)[:, None, None]).float()


@pytest.mark.parametrize("crop", [None, 16])
def test_soft_labels_move_as_labels_do(crop: int | None) -> None:
    run = run_of(Full(), SoftCrossEntropy(), augment=TURNS, crop=crop)
    _, target = augmented(run, with_soft(run))
    torch.testing.assert_close(target.soft, one_hot(target.labels), atol=1e-4, rtol=0)


def test_soft_labels_are_turned_and_zoomed_like_the_image() -> None:
    run = run_of(Full(), SoftCrossEntropy())
    _, target = augmented(run, with_soft(run))
    mass = target.soft.sum(1)
    assert bool((((mass - 1).abs() < 1e-5) | (mass == 0)).all())
    # Between the nearest pixel and a weighted mean of four there is a difference at outlines only.
    known = (target.labels != IGNORE) & (mass > 0)
    same = target.soft.argmax(1) == target.labels
    assert float(same[known].float().mean()) > 0.97
    assert float(((target.labels != IGNORE) == (mass > 0)).float().mean()) > 0.97
    assert bool((target.labels == IGNORE).any())


def test_the_same_draw_gives_the_same_batch() -> None:
    run = run_of(Boxes(), CrossEntropy(), BoxTightness())
    one, other = augmented(run, first(run)), augmented(run, first(run, resident_bytes=0))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1].labels, other[1].labels)
    assert torch.equal(one[1].boxes, other[1].boxes)
    assert torch.equal(one[1].sizes, other[1].sizes)
