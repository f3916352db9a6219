"""Images annotated in any way, or not at all, train in one run, in one batch, under terms of every kind."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pointillist.annotate import Boxes, Full, Mixed, PointsAnnotator, Several, SizeRanges, Tags
from pointillist.core.shapes import IGNORE
from pointillist.datasets import Folder
from pointillist.losses import BoxTightness, CrossEntropy, Dice, GatedCrf, Size, Tag
from pointillist.train.batch import augmented
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.store import read_model
from pointillist.train.term import Term
from tests.train.small import CPU, small_run, train_small
from tests.train.test_loop import KilledError, Killer, log, weights

PEOPLE = Mixed(
    of=(
        (PointsAnnotator(positive=3, negative=3), 0.2),
        (Boxes(), 0.2),
        (Tags(), 0.2),
        (Full(), 0.15),
        (SizeRanges(), 0.1),
    )
)
LOSSES = (CrossEntropy(), Dice(), Size(), BoxTightness(), Tag(), GatedCrf(radius=2))
TERMS = tuple(Term(loss=loss, weight=0.1 if loss.kind == "gated-crf" else 1.0) for loss in LOSSES)
KINDS = [loss.kind for loss in LOSSES]
DATA = small_run().data.model_copy(update={"train": 12, "val": 6})
RUN: Run = small_run(data=DATA, annotate=PEOPLE, supervise=TERMS, batch=12, epochs=2)


def test_one_batch_holds_every_kind_of_annotation() -> None:
    batch = next(Feed(RUN, DATA.names("train"), CPU).epoch(0))
    _, target = augmented(RUN, batch)
    share = target.labelled.float().mean((1, 2))
    assert bool((share == 0).any())
    assert bool(((share > 0) & (share < 0.02)).any())
    assert bool((share > 0.7).any())
    assert 0 < int((target.boxes[..., 0] != IGNORE).any(1).sum()) < 12
    assert 0 < int((target.tags[:, 1] == 1).sum()) < 12
    assert 0 < int(torch.isfinite(target.sizes[:, 1, 1]).sum()) < 12
    assert any(known.empty for known in batch.known)


@pytest.mark.parametrize("crop", [None, 16])
def test_every_term_has_its_say_and_all_are_finite(tmp_path: Path, crop: int | None) -> None:
    run = RUN.model_copy(update={"crop": crop})
    watch = train_small(run, tmp_path)
    for record in watch.records:
        assert [name for name in record if name.startswith("loss/")] == [f"loss/{kind}" for kind in KINDS]
        assert all(math.isfinite(value) for value in record.values())
        # In crops sizes and tags are known in part only, and may well hold already.
        heard = KINDS if crop is None and record["epoch"] == 1 else ["cross-entropy", "dice", "gated-crf"]
        assert all(record[f"loss/{kind}"] > 0 for kind in heard)
    about = read_model(tmp_path)[1]
    assert {"points", "box", "tag", "dense", "size"} <= about["annotation"]["train"]["marks"].keys()
    assert 0 < about["annotation"]["train"]["annotated"] < 12
    assert any("training images are not annotated" in message for message in watch.said)


def test_killed_and_typed_again_it_ends_bit_for_bit_the_same(tmp_path: Path) -> None:
    run = RUN.model_copy(update={"batch": 4})
    train_small(run, tmp_path / "whole", resident_bytes=0)
    for step in (2, 4):
        with pytest.raises(KilledError):
            train(run, tmp_path / "killed", CPU, Killer(step), Options(save_every_s=0.0))
    train_small(run, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


@pytest.mark.parametrize("annotate", [PEOPLE, Boxes(), Tags(), SizeRanges(), Full()])
def test_each_annotation_alone_trains_under_all_terms(annotate: object) -> None:
    run = small_run(annotate=annotate, supervise=TERMS)
    feed = Feed(run, run.data.names("train"), CPU)
    learner = Learner(run, feed, CPU)
    for batch in feed.epoch(0):
        values = learner.step(batch)
        assert values.keys() == set(KINDS)
        assert all(math.isfinite(value) for value in values.values())


def test_an_image_of_which_nothing_is_known_changes_no_term_that_reads_the_truth() -> None:
    run = RUN.model_copy(update={"supervise": TERMS[:5]})
    batch = next(Feed(run, DATA.names("train"), CPU).epoch(0))
    images, target = augmented(run, batch)
    known = torch.tensor([not one.empty for one in batch.known])
    rest = type(target)(**{name: getattr(target, name)[known] for name in vars(target)})
    logits = torch.randn(12, 2, 24, 32)
    for loss in LOSSES[:5]:
        torch.testing.assert_close(loss(logits, target, images), loss(logits[known], rest, images[known]))


def _tall_and_wide(root: Path) -> Folder:
    """Draw images that lie and images that stand, each with a square in it."""
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for number in range(count):
            height, width = ((48, 64), (64, 40))[number % 2]
            mask = np.zeros((height, width), np.uint8)
            mask[10:30, 8:24] = 1
            picture = np.full((height, width, 3), 90, np.uint8) + 100 * mask[..., None]
            for kind, pixels in (("images", picture), ("masks", mask)):
                (root / split / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(root / split / kind / f"{split}{number}.png")
    return Folder(root=root, size=None)


@pytest.mark.parametrize("crop", [None, 80])
def test_images_that_lie_and_stand_in_one_batch_keep_what_is_known_of_the_whole(
    tmp_path: Path, crop: int | None
) -> None:
    people = Several(of=(Boxes(), SizeRanges(error=0, slack=0)))
    losses = (BoxTightness(fill=(0, 1)), Size(), Tag())
    run = small_run(
        data=_tall_and_wide(tmp_path),
        annotate=people,
        supervise=[Term(loss=loss) for loss in losses],
        batch=4,
        crop=crop,
    )
    batch = next(Feed(run, run.data.names("train"), CPU).epoch(0))
    images, target = augmented(run, batch)
    for image, boxes, sizes in zip(images, target.boxes, target.sizes, strict=True):
        ((label, top, left, bottom, right),) = boxes.tolist()
        bright = image.mean(0) > image.amax() - 0.05
        inside = torch.zeros_like(bright)
        inside[top:bottom, left:right] = True
        assert label == 1
        assert torch.equal(bright, inside), "the object shows once, and in its box"
        assert sizes[1].tolist() == [320, 320]
    assert torch.isinf(target.sizes[:, 0, 1]).all(), "what fills an image up is background"
    assert (target.tags[:, 1] == 1).all()
    bright = images.mean(1, keepdim=True) > images.amax((1, 2, 3), keepdim=True) - 0.05
    surely = torch.where(bright, 30.0, -30.0)
    for loss in losses[:2]:
        assert float(loss(torch.cat([-surely, surely], 1), target, images)) == pytest.approx(0, abs=1e-3)


def test_a_range_of_sizes_counts_as_much_beside_clicks_as_alone() -> None:
    data = DATA.model_copy(update={"train": 4})
    clicks = PointsAnnotator(positive=1, negative=1)
    values = []
    exact = SizeRanges(error=0, slack=0.1)
    for people in (exact, Several(of=(clicks, exact))):
        run = small_run(data=data, annotate=people, supervise=[Term(loss=Size())], batch=4)
        images, target = augmented(run, next(Feed(run, data.names("train"), CPU).epoch(0)))
        values.append(float(Size()(torch.zeros(4, 2, *images.shape[2:]), target, images)))
    assert values[0] == pytest.approx(values[1])
    assert values[0] > 0
