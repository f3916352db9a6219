"""The box loss: drawn by hand, against brute force, loose boxes and boxes off the image."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import BoxTightness
from tests.losses.batches import Scene, scenes, slope_of, sure

ANY_FILL = (0.0, 1.0)

# The box of all of these is rows 1 to 4, columns 2 to 6 (half-open): 4 x 5 pixels.
BOX = [1, 1, 2, 5, 7]
DISC = """
00000000
00001000
00111100
00111110
00011000
00000000
"""
NO_TOP_ROW = DISC.replace("00001000", "00000000")
ONE_OUTSIDE = DISC.replace("\n00000000\n0000", "\n10000000\n0000")
ALL_OF_IT = """
00000000
00111110
00111110
00111110
00111110
00000000
"""


def box_cost(text: str, loss: BoxTightness, boxes: list[list[int]]) -> float:
    mask = torch.tensor([[[int(c) for c in row] for row in text.split()]])
    target = replace(Target.unknown(1, 2, *mask.shape[1:]), boxes=torch.tensor([boxes]))
    return loss(sure(mask, 2), target, torch.zeros(1, 3, *mask.shape[1:])).item()


def test_an_object_that_touches_all_sides_costs_nothing() -> None:
    for width in (1, 2, 3, 9):
        assert box_cost(DISC, BoxTightness(width_px=width), [BOX]) == pytest.approx(0, abs=1e-12)


def test_an_empty_line_costs() -> None:
    """One of four rows is empty, no column is: rows weigh a half."""
    loss = BoxTightness(width_px=1, fill=ANY_FILL)
    assert box_cost(NO_TOP_ROW, loss, [BOX]) == pytest.approx(1 / 4 / 2)


def test_wider_strips_forgive_a_loose_box() -> None:
    """The second row alone has the two pixels that the first two rows need."""
    assert box_cost(NO_TOP_ROW, BoxTightness(width_px=2, fill=ANY_FILL), [BOX]) == pytest.approx(0, abs=1e-12)


def test_what_lies_outside_costs_its_share_of_the_image() -> None:
    assert box_cost(ONE_OUTSIDE, BoxTightness(), [BOX]) == pytest.approx(1 / 48)
    # Not where another box of the class is.
    assert (
        box_cost(ONE_OUTSIDE, BoxTightness(), [BOX, [1, 0, 0, 1, 1]])
        <= 0.5 * (1 - math.sqrt(0.9)) ** 2 + 1e-9
    )


def test_filling_the_box_costs() -> None:
    expected = (1 - math.sqrt(0.8)) ** 2
    assert box_cost(ALL_OF_IT, BoxTightness(fill=(0.3, 0.8)), [BOX]) == pytest.approx(expected)
    assert box_cost(ALL_OF_IT, BoxTightness(fill=ANY_FILL), [BOX]) == pytest.approx(0, abs=1e-12)


def test_filling_too_little_costs() -> None:
    """Twelve of twenty pixels."""
    expected = (math.sqrt(0.7) - math.sqrt(12 / 20)) ** 2
    assert box_cost(DISC, BoxTightness(fill=(0.7, 1.0)), [BOX]) == pytest.approx(expected)


@pytest.mark.parametrize("box", [[1, 2, 2, 3, 6], [1, 1, 4, 5, 5], [1, 2, 2, 3, 3], [1, 1, 7, 3, 12]])
def test_a_box_of_one_pixels_width_may_be_filled(box: list[int]) -> None:
    _, top, left, bottom, right = box
    truth = [["01"[top <= row < bottom and left <= col < right] for col in range(8)] for row in range(6)]
    text = "\n".join(map("".join, truth))
    assert box_cost(text, BoxTightness(), [box]) == pytest.approx(0, abs=1e-12)


def brute_force(scene: Scene, width: int, fill: tuple[float, float]) -> float:
    n, _, h, w = scene.logits.shape
    probs = scene.logits.softmax(1)
    of_boxes, of_images = [], []
    for image in range(n):
        rows = [row for row in scene.target.boxes[image].tolist() if row[0] != IGNORE]
        for label, top, left, bottom, right in rows:
            inside = probs[image, label, top:bottom, left:right]
            strips = 0.0
            for part in (inside, inside.T):
                wide = min(width, len(part))
                sums = [part[i : i + wide].sum().item() for i in range(len(part) - wide + 1)]
                strips += sum(max(0.0, 1 - s / wide) ** 2 for s in sums) / len(sums) / 2
            share = math.sqrt(inside.mean().item())
            low, high = math.sqrt(fill[0]), math.sqrt(fill[1]) if min(inside.shape) > 1 else 1.0
            of_boxes.append(strips + max(0.0, low - share) ** 2 + max(0.0, share - high) ** 2)
        for label in {row[0] for row in rows}:
            outside = probs[image, label].clone()
            for _, top, left, bottom, right in (row for row in rows if row[0] == label):
                outside[top:bottom, left:right] = 0
            of_images.append(outside.sum().item() / (h * w))
    return sum(of_boxes) / max(len(of_boxes), 1) + sum(of_images) / max(len(of_images), 1)


@given(scene=scenes(), width=st.integers(1, 4), low=st.floats(0, 0.5), high=st.floats(0.5, 1))
def test_equals_brute_force(scene: Scene, width: int, low: float, high: float) -> None:
    loss = BoxTightness(width_px=width, fill=(low, high))
    ours = loss(scene.logits, scene.target, scene.images).item()
    assert ours == pytest.approx(brute_force(scene, width, (low, high)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("box", "inside"),
    [([1, -2, -1, 3, 4], [1, 0, 0, 3, 4]), ([1, 3, 5, 99, 99], [1, 3, 5, 6, 8])],
    ids=["top left", "bottom right"],
)
def test_a_box_over_the_edge_is_cut(box: list[int], inside: list[int]) -> None:
    loss = BoxTightness(width_px=2)
    assert box_cost(DISC, loss, [box]) == box_cost(DISC, loss, [inside])


def test_an_empty_box_is_no_box() -> None:
    assert box_cost(DISC, BoxTightness(), [[1, 3, 3, 3, 5]]) == 0
    assert box_cost(DISC, BoxTightness(), [[1, 30, 3, 33, 5]]) == 0
    assert box_cost(DISC, BoxTightness(), [BOX, [IGNORE] * 5]) == box_cost(DISC, BoxTightness(), [BOX])


def test_many_boxes_on_a_large_image_fit_in_memory() -> None:
    """Sixty boxes of 256 x 256 would be 16 million numbers, four times, if each had a map of its own."""
    boxes = torch.tensor([[1, 4 * i, 2 * i, 4 * i + 9, 2 * i + 99] for i in range(60)])[None]
    logits = torch.zeros(1, 2, 256, 256, requires_grad=True)
    target = replace(Target.unknown(1, 2, 256, 256), boxes=boxes)
    saved: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = BoxTightness()(logits, target, torch.zeros(1, 3, 256, 256))
    assert slope_of(value, logits).isfinite().all()
    assert max(saved) <= 2 * 256 * 256


def test_a_wrong_fill_is_refused() -> None:
    with pytest.raises(InputError, match="lowest share, then the highest"):
        validated(BoxTightness, {"fill": [0.9, 0.3]})
    with pytest.raises(InputError, match="width_px"):
        validated(BoxTightness, {"width_px": 0})
