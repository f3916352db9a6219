"""Small and mixed sizes, and files of different depths, make batches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pointillist.annotate import Full, Mixed, PointsAnnotator
from pointillist.core.known import Known
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.datasets import Folder
from pointillist.train.cut import Key, Share, Stored, cut
from pointillist.train.feed import Feed, pixels, steps_per_epoch
from pointillist.train.supervise import Supervised
from tests.datasets.trees import draw_folder
from tests.train.small import CPU, small_run


def sample(image: Tensor, labels: Tensor) -> Stored:
    return Stored(image, labels, Known.from_labels(labels.numpy(), 2))


@pytest.mark.parametrize(
    ("count", "batch", "crops", "steps"),
    [(8, 4, 1, 2), (9, 4, 1, 2), (10, 4, 1, 3), (1, 4, 1, 1), (3, 1, 1, 3), (3, 4, 8, 6), (2, 8, 1, 1)],
)
def test_a_last_batch_of_one_is_left_out(count: int, batch: int, crops: int, steps: int) -> None:
    assert steps_per_epoch(small_run(batch=batch, crops_per_image=crops), count) == steps


def test_images_of_different_sizes_make_a_batch_whose_padding_is_unlabelled(tmp_path: Path) -> None:
    data = Folder(root=draw_folder(tmp_path))
    run = small_run(data=data, annotate=Full(), batch=64)
    sizes = {data.read(name).image.shape for name in data.names("train")}
    (batch,) = Feed(run, data.names("train"), CPU).epoch(0)
    height, width = max(s[1] for s in sizes), max(s[2] for s in sizes)
    assert batch.images.shape[2:] == (height, width)
    assert len(sizes) > 1
    for name, labels in zip(batch.names, batch.labels, strict=True):
        _, rows, cols = data.read(name).image.shape
        assert (labels[rows:] == IGNORE).all()
        assert (labels[:, cols:] == IGNORE).all()
    streamed = next(iter(Feed(run, data.names("train"), CPU, resident_bytes=0).epoch(0)))
    assert torch.equal(streamed.images, batch.images)
    assert torch.equal(streamed.labels, batch.labels)


@pytest.mark.parametrize("resident_bytes", [None, 0], ids=["resident", "streamed"])
def test_two_processes_have_the_rows_of_the_batch_of_one(tmp_path: Path, resident_bytes: int | None) -> None:
    data = Folder(root=draw_folder(tmp_path))
    run = small_run(data=data, annotate=Full(), batch=3)
    names = data.names("train")
    batches, *parts = (
        list(Feed(run, names, device, resident_bytes=resident_bytes).epoch(0))
        for device in (CPU, replace(CPU, rank=0, world=2), replace(CPU, rank=1, world=2))
    )
    assert any(len({data.read(name).image.shape for name in batch.names}) > 1 for batch in batches)
    for batch, *shares in zip(batches, *parts, strict=True):
        for rank, share in enumerate(shares):
            assert share.names == batch.names[rank::2]
            assert torch.equal(share.images, batch.images[rank::2])
            assert torch.equal(share.labels, batch.labels[rank::2])


def test_eight_bits_are_stored_as_bytes_and_more_are_kept() -> None:
    ramp = np.linspace(0, 1, 65536, dtype=np.float32).reshape(1, 256, 256)
    known = Known.nothing(2, 256, 256)
    eight = pixels(Supervised(Sample("a", ramp), known, None))[0]
    sixteen = pixels(Supervised(Sample("a", ramp, bits=16), known, None))[0]
    assert (eight.dtype, len(eight.unique())) == (torch.uint8, 256)
    assert len(sixteen.unique()) == 65536


def test_files_of_eight_and_of_sixteen_bits_mix_in_a_batch() -> None:
    run = small_run(batch=2)
    feed = Feed(run, run.data.names("train"), CPU)
    grey = torch.full((3, 24, 32), 0.25)
    labels = torch.zeros((24, 32), dtype=torch.uint8)
    keys = tuple(Key(0, name, 0) for name in feed.names[:2])
    samples = [sample(torch.full((3, 24, 32), 51, dtype=torch.uint8), labels), sample(grey, labels)]
    pieces = [(cut(run, s, k), s.known) for s, k in zip(samples, keys, strict=True)]
    batch = feed._collate(pieces, Share(keys, (0, 1)))
    assert batch.images[0].unique().tolist() == pytest.approx([0.2])
    assert batch.images[1].unique().tolist() == pytest.approx([0.25])


def test_batches_are_drawn_from_the_annotated_images_alone_and_an_epoch_stays_as_long() -> None:
    run = small_run(annotate=Mixed(of=((PointsAnnotator(positive=3, negative=3), 0.3),)), batch=2)
    names = run.data.names("train")
    feed = Feed(run, names, CPU)
    steps = len(list(feed.epoch(1)))
    known = set(names) - feed.idle
    assert 0 < len(known) < len(names) / 2
    feed.leave_idle_out()
    batches = list(feed.epoch(1))
    assert len(batches) == steps == steps_per_epoch(run, len(names))
    drawn = [key for batch in batches for key in batch.keys]
    assert {key.name for key in drawn} == known
    assert len(set(drawn)) == len(drawn), "each time it comes it is augmented anew"
