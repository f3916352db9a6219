"""Crops show labels, and what is mirrored beyond an image's edge is unlabelled."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.train.cut import Key, Stored, cut
from tests.train.small import small_run


def sample(image: Tensor, labels: Tensor) -> Stored:
    return Stored(image, labels, Known.from_labels(labels.numpy(), 2))


@given(
    height=st.integers(5, 80),
    width=st.integers(5, 80),
    row=st.floats(0, 0.999),
    col=st.floats(0, 0.999),
    turn=st.integers(0, 5),
)
def test_a_crop_shows_the_only_labelled_pixel(
    height: int, width: int, row: float, col: float, turn: int
) -> None:
    run = small_run(crop=32)
    labels = torch.full((height, width), IGNORE, dtype=torch.uint8)
    labels[int(row * height), int(col * width)] = 1
    image = (labels == 1).to(torch.uint8).expand(3, -1, -1) * 255
    window, seen = cut(run, sample(image, labels), Key(0, "a", turn))[:2]
    assert window.shape == (3, 48, 48)
    # The crop proper is the window's inner 32 x 32; every labelled pixel shows its own image.
    assert (seen[8:40, 8:40] == 1).sum() == 1
    assert bool((window[0][seen == 1] == 255).all())
    assert set(seen.unique().tolist()) <= {1, IGNORE}


def test_what_is_mirrored_beyond_the_border_is_unlabelled() -> None:
    run = small_run(crop=32)
    labels = torch.zeros((20, 24), dtype=torch.uint8)
    image = torch.ones(3, 20, 24, dtype=torch.uint8)
    window, seen = cut(run, sample(image, labels), Key(0, "a", 0))[:2]
    assert int((seen == 0).sum()) == 20 * 24
    assert bool((window == 1).all())


def test_an_image_without_labels_is_cut_somewhere() -> None:
    labels = torch.full((64, 64), IGNORE, dtype=torch.uint8)
    image, run = torch.arange(64 * 64).reshape(1, 64, 64), small_run(crop=16)
    places = {int(cut(run, sample(image, labels), Key(0, "a", turn)).image[0, 12, 12]) for turn in range(20)}
    assert len(places) > 10


@pytest.mark.parametrize(("height", "width"), [(64, 64), (20, 70)])
def test_a_window_is_where_it_says(height: int, width: int) -> None:
    run = small_run(crop=16)
    image = torch.arange(height * width, dtype=torch.float32).reshape(1, height, width)
    labels = torch.zeros((height, width), dtype=torch.uint8)
    for turn in range(10):
        piece = cut(run, sample(image, labels), Key(0, "a", turn))
        where = piece.window
        assert (where.height, where.width, where.image_height, where.image_width) == (24, 24, height, width)
        inside = piece.labels == 0
        row, col = torch.nonzero(inside)[0].tolist()
        assert float(piece.image[0, row, col]) == (where.top + row) * width + where.left + col


def test_most_crops_of_an_image_with_boxes_show_one() -> None:
    run = small_run(crop=16)
    labels = np.zeros((128, 128), np.uint8)
    labels[100:104, 20:24] = IGNORE
    known = replace(Known.from_labels(labels, 2), boxes=np.array([[1, 100, 20, 104, 24]]))
    stored = Stored(torch.zeros(3, 128, 128), torch.from_numpy(labels), known)
    cuts = [cut(run, stored, Key(0, "a", turn)) for turn in range(100)]
    # The crop proper is the window's inner 16 x 16.
    shown = sum(bool((c.labels[4:20, 4:20] == IGNORE).any()) for c in cuts)
    assert 65 <= shown <= 90


def test_soft_labels_are_cut_with_the_image_and_unknown_beyond_its_edge() -> None:
    run = small_run(crop=32)
    labels = torch.zeros((20, 24), dtype=torch.uint8)
    soft = torch.stack([torch.arange(480).reshape(20, 24) % 256] * 2).to(torch.uint8)
    image = soft[:1].expand(3, -1, -1)
    piece = cut(run, sample(image, labels)._replace(soft=soft), Key(0, "a", 0))
    assert piece.soft is not None
    inside = piece.labels == 0
    assert torch.equal(piece.soft[0][inside], piece.image[0][inside])
    assert not piece.soft[:, ~inside].any()
