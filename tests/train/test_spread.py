"""What is known is spread once, kept, used again, and spread anew where an annotation changed."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pointillist.annotate import Boxes, Full, Mixed, PointsAnnotator
from pointillist.core.annotation import write_annotation
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.datasets import Drive, Folder
from pointillist.losses import CrossEntropy, SoftCrossEntropy
from pointillist.propagate import FeatureForest, FilledBox, Grabcut, RandomWalker
from pointillist.train.batch import augmented
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.spread import FOLDER, read_soft, spread_seeds
from pointillist.train.supervise import supervised
from pointillist.train.term import Term
from tests.datasets.trees import disc, draw_drive, noise
from tests.train.small import CPU, Silent, small_run, train_small
from tests.train.test_loop import KilledError, Killer, log, weights

TERMS = (Term(loss=CrossEntropy()), Term(loss=SoftCrossEntropy()))
WALK = RandomWalker(side=32, smooth=0.5)
FOREST = FeatureForest(classifier="logistic", sigmas=(1.0,), smooth_px=0)


def spread_run(**changes: Any) -> Run:
    return small_run(**{"propagate": WALK, "supervise": TERMS, **changes})


def spread(run: Run, folder: Path) -> tuple[Path, list[str]]:
    said: list[str] = []
    place = spread_seeds(run, run.data.names("train"), folder / FOLDER, said.append)
    assert place is not None
    return place, said


def test_nothing_is_spread_to_where_a_drawn_mask_is_void(tmp_path: Path) -> None:
    data = Folder(root=tmp_path / "data")
    void = np.zeros((40, 50), bool)
    void[15:25, 10:30] = True
    mask = np.where(void, np.uint8(255), np.uint8(2) * disc(40, 50, 12))
    for kind, drawn in (("images", noise(40, 50, "one")), ("masks", mask)):
        (data.root / "train" / kind).mkdir(parents=True)
        Image.fromarray(drawn).save(data.root / "train" / kind / "one.png")
    (data.root / "pointillist.yaml").write_text("codes: {0: background, 2: foreground, 255: void}\n")
    for annotate in (Full(), PointsAnnotator()):
        run = spread_run(data=data, annotate=annotate, propagate=Grabcut())
        place, _ = spread(run, tmp_path)
        soft = read_soft(place, supervised(run, "one"))
        assert soft is not None
        reached = soft.numpy()[:, void].any()
        # Of a mask behind clicks nobody knows where it is void.
        assert reached == (annotate != Full())
        assert soft.numpy()[:, ~void].any()


def files(folder: Path) -> dict[str, int]:
    """Give every result with the time of its writing."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / FOLDER).rglob("*.safetensors")}


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    place, _ = spread(spread_run(), tmp_path)
    leftover = place / ".0123456789ab.tmp.safetensors"
    leftover.touch()
    train_small(spread_run(), tmp_path)
    assert not leftover.exists()
    assert len(files(tmp_path)) == 5


def test_a_run_without_propagator_spreads_nothing(tmp_path: Path) -> None:
    run = small_run()
    assert spread_seeds(run, run.data.names("train"), tmp_path / "a", print) is None
    assert not (tmp_path / "a").exists()


def test_it_is_what_the_propagator_says_in_255ths(tmp_path: Path) -> None:
    run = spread_run()
    place, said = spread(run, tmp_path)
    assert said == ["Spreading the labels of 5 images by random-walker."]
    for name in run.data.names("train"):
        item = supervised(run, name)
        soft = read_soft(place, item)
        assert soft is not None
        expected = WALK.propagate(WALK.prepare([], 0), item.sample.image, item.known)
        np.testing.assert_allclose(soft.numpy() / 255, expected, atol=0.5 / 255 + 1e-6)
        known = item.labels != IGNORE
        assert (soft.numpy()[:, known].argmax(0) == item.labels[known]).all()


@pytest.mark.parametrize("propagate", [WALK, FOREST], ids=["image by image", "all together"])
def test_what_was_spread_is_used_again(tmp_path: Path, propagate: Any) -> None:
    run = spread_run(propagate=propagate)
    spread(run, tmp_path)
    before = files(tmp_path)
    assert len(before) == 5
    _, said = spread(run, tmp_path)
    assert said == []
    assert files(tmp_path) == before


def test_it_says_how_far_it_is_when_it_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["pointillist.train.spread"], "SILENT_S", 0)
    _, said = spread(spread_run(), tmp_path)
    assert said[1:] == [f"{n} of 5 images are spread." for n in range(5)]


@pytest.mark.parametrize(("propagate", "anew"), [(WALK, 1), (FOREST, 5)], ids=["one", "all"])
def test_where_an_annotation_changed_it_is_spread_anew(tmp_path: Path, propagate: Any, anew: int) -> None:
    data = small_run().data
    drawn = tmp_path / "drawn"
    for number, sample in enumerate(data.samples("train")):
        people = PointsAnnotator(positive=3, negative=3)
        write_annotation(drawn / f"{sample.name}.json", people.annotate(sample, data.classes, number))
    run = spread_run(annotate=None, annotations=drawn, propagate=propagate)
    spread(run, tmp_path / "run")
    before = files(tmp_path / "run")
    sample = data.read("train-00002")
    write_annotation(drawn / "train-00002.json", Full().annotate(sample, data.classes, 0))
    place, said = spread(run, tmp_path / "run")
    # What learns from all images together gives another answer on all of them.
    assert said == [f"Spreading the labels of {anew} images by {propagate.kind}."]
    assert before.items() <= files(tmp_path / "run").items()
    soft = read_soft(place, supervised(run, "train-00002"))
    assert soft is not None
    assert sample.mask is not None
    assert np.array_equal(soft.argmax(0).numpy(), sample.mask)


def test_another_propagator_in_a_folder_that_was_begun_is_not_confused(tmp_path: Path) -> None:
    spread(spread_run(), tmp_path)
    _, said = spread(spread_run(propagate=RandomWalker(side=32, beta=10)), tmp_path)
    assert said == ["Spreading the labels of 5 images by random-walker."]


MIXED = Mixed(of=((PointsAnnotator(positive=3, negative=3), 0.6),))


def test_images_without_annotation_are_silent(tmp_path: Path) -> None:
    run = spread_run(annotate=MIXED, batch=5)
    place, said = spread(run, tmp_path)
    names = run.data.names("train")
    empty = {name for name in names if supervised(run, name).known.empty}
    assert 0 < len(empty) < 5
    assert f"of {5 - len(empty)} images" in said[0]
    assert all((read_soft(place, supervised(run, n)) is None) == (n in empty) for n in names)
    batch = next(Feed(run, names, CPU, spread=place).epoch(0))
    assert batch.soft is not None
    assert {n for n, soft in zip(batch.names, batch.soft, strict=True) if not soft.any()} == empty


def test_a_forest_speaks_of_images_without_annotation_too(tmp_path: Path) -> None:
    run = spread_run(annotate=MIXED, propagate=FOREST.model_copy(update={"confidence": 0.0}))
    place, _ = spread(run, tmp_path)
    for name in run.data.names("train"):
        soft = read_soft(place, supervised(run, name))
        assert soft is not None
        assert bool((soft.int().sum(0) > 0).all())


def test_nothing_is_spread_beyond_the_region_of_interest(tmp_path: Path) -> None:
    data = Drive(root=draw_drive(tmp_path / "drive"))
    run = spread_run(data=data, annotate=PointsAnnotator(positive=5, negative=5))
    place, _ = spread(run, tmp_path / "run")
    item = supervised(run, data.names("train")[0])
    soft = read_soft(place, item)
    assert soft is not None
    assert item.sample.region is not None
    assert soft.numpy()[:, item.sample.region].any()
    assert not soft.numpy()[:, ~item.sample.region].any()


@pytest.mark.parametrize("crop", [None, 16])
def test_soft_labels_come_with_each_batch_wherever_the_data_lies(tmp_path: Path, crop: int | None) -> None:
    run = spread_run(crop=crop, annotate=MIXED)
    place, _ = spread(run, tmp_path)
    names = run.data.names("train")
    resident = list(Feed(run, names, CPU, spread=place).epoch(0))
    streamed = list(Feed(run, names, CPU, resident_bytes=0, spread=place).epoch(0))
    assert len(resident) == len(streamed) == 2
    for one, other in zip(resident, streamed, strict=True):
        assert (one.soft is None) == (other.soft is None)
        assert one.soft is None or other.soft is None or torch.equal(one.soft, other.soft)
    _, target = augmented(run, resident[0])
    mass = target.soft.sum(1)
    assert bool((mass > 0.99).any())
    if crop is None:
        item = supervised(run, resident[0].names[0])
        whole = read_soft(place, item)
        assert resident[0].soft is not None
        assert torch.equal(resident[0].soft[0], torch.zeros(2, 24, 32).byte() if whole is None else whole)


@pytest.mark.parametrize("propagate", [WALK, FOREST], ids=["image by image", "all together"])
def test_killed_and_typed_again_it_ends_bit_for_bit_the_same(tmp_path: Path, propagate: Any) -> None:
    run = spread_run(propagate=propagate)
    watch = train_small(run, tmp_path / "whole")
    assert {"loss/cross-entropy", "loss/soft-cross-entropy"} <= watch.records[-1].keys()
    assert watch.records[-1]["loss/soft-cross-entropy"] > 0
    for step in (1, 5):
        with pytest.raises(KilledError):
            train(run, tmp_path / "killed", CPU, Killer(step), Options(save_every_s=0.0))
    # Killed while spreading, too: a part of the results is there.
    next((tmp_path / "killed" / FOLDER).rglob("*.safetensors")).unlink()
    train_small(run, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


def test_what_is_spread_teaches_more_than_the_clicks(tmp_path: Path) -> None:
    run = spread_run(supervise=(Term(loss=SoftCrossEntropy()),))
    names = run.data.names("train")
    place, _ = spread(run, tmp_path)
    batch = next(Feed(run, names, CPU, spread=place).epoch(0))
    with_it = Learner(run, Feed(run, names, CPU, spread=place), CPU).step(batch)
    assert with_it["soft-cross-entropy"] > 0
    feed = Feed(run, names, CPU)
    assert Learner(run, feed, CPU).step(next(feed.epoch(0)))["soft-cross-entropy"] == 0


@pytest.mark.parametrize("propagate", [WALK, FOREST, FilledBox()], ids=["walk", "forest", "box"])
def test_what_is_refused_leaves_no_folder(tmp_path: Path, propagate: Any) -> None:
    (tmp_path / "none").mkdir()
    run = spread_run(annotate=None, annotations=tmp_path / "none", propagate=propagate)
    with pytest.raises(InputError, match="at least one training image must be annotated"):
        train_small(run, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_wrong_annotation_of_a_validation_image_leaves_no_folder(tmp_path: Path) -> None:
    data = small_run().data
    for split in ("train", "val"):
        for sample in data.samples(split):
            drawn = PointsAnnotator().annotate(sample, data.classes, 0)
            write_annotation(tmp_path / "drawn" / f"{sample.name}.json", drawn)
    (tmp_path / "drawn" / "val-00001.json").write_text("{}")
    with pytest.raises(InputError):
        train_small(spread_run(annotate=None, annotations=tmp_path / "drawn"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_boxes_are_spread_and_trained_on(tmp_path: Path) -> None:
    run = spread_run(annotate=Boxes(), propagate=FilledBox(shape="rectangle"))
    watch: Silent = train_small(run, tmp_path)
    # The class is never labelled, but boxes tell where it is: no warning.
    assert not any("can't be learnt" in message for message in watch.said)
    item = supervised(run, "train-00000")
    soft = read_soft(spread(run, tmp_path)[0], item)
    assert soft is not None
    _, top, left, bottom, right = item.known.boxes[0]
    assert bool((soft[1, top:bottom, left:right] == 255).all())


def test_a_class_that_is_spread_nowhere_is_told(tmp_path: Path) -> None:
    forest = FeatureForest(classifier="logistic", smooth_px=0)
    watch: Silent = train_small(spread_run(annotate=Boxes(), propagate=forest), tmp_path / "boxes")
    # Outside boxes lies background, and a forest learns from labelled pixels alone.
    assert any("Warning: feature-forest spread 'lesion' nowhere" in message for message in watch.said)
    clicked: Silent = train_small(spread_run(), tmp_path / "clicks")
    assert not any("nowhere" in message for message in clicked.said)
