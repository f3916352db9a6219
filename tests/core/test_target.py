"""The target: unknown by default, wherever it moves; wrong label maps are refused in words."""

import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target, check_labels

shapes = st.tuples(*[st.integers(1, 4)] * 4)


def drawn() -> torch.Tensor:
    return torch.tensor([[[0, 255, 1], [2, 255, 255]]])


def test_labels_say_what_is_known() -> None:
    target = Target.from_labels(drawn(), num_classes=3)
    assert target.labelled.tolist() == [[[True, False, True], [True, False, False]]]
    assert torch.equal(target.labels, drawn())


@given(shape=shapes)
def test_unknown_says_nothing(shape: tuple[int, int, int, int]) -> None:
    n, k, h, w = shape
    target = Target.unknown(n, k, h, w)
    assert target.labels.shape == (n, h, w)
    assert not target.labelled.any()
    assert target.tags.shape == (n, k)
    assert (target.tags == IGNORE).all()
    assert target.boxes.shape == (n, 0, 5)
    assert target.sizes.tolist() == [[[0.0, math.inf]] * k] * n
    assert target.soft.shape == (n, k, h, w)
    assert not target.soft.any()


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_unknown_costs_no_memory_wherever_it_is(device: str) -> None:
    target = Target.unknown(8, 21, 512, 512).to(device)
    assert target.soft.shape == (8, 21, 512, 512)
    stored = sum(getattr(target, f.name).untyped_storage().nbytes() for f in fields(target))
    assert stored < 1.01 * 8 * 512 * 512 * 8, "more than the labels is stored"


def test_moving_keeps_every_field() -> None:
    n, k, h, w = 2, 3, 4, 5
    target = Target(
        labels=torch.arange(n * h * w).reshape(n, h, w) % k,
        tags=torch.tensor([[0, 1, IGNORE]] * n),
        boxes=torch.tensor([[[1, 0, 0, 2, 3]]] * n),
        sizes=torch.tensor([[[0.0, math.inf], [1.0, 9.0], [2.0, 3.0]]] * n),
        centroids=torch.tensor([[-math.inf, math.inf], [1.0, 2.0]]).expand(n, k, 2, 2),
        soft=torch.full((n, k, 1, w), 1 / k).expand(n, k, h, w),
    )
    moved = target.to("cpu")
    for field in fields(target):
        assert torch.equal(getattr(moved, field.name), getattr(target, field.name))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
            "got uint8 (2, 1, 8, 8). Drop the channel axis: labels[:, 0].",
        ),
        (torch.zeros(8, 8, dtype=torch.int64), "got int64 (8, 8). Add the batch axis: labels[None]."),
        (torch.zeros(2, 3, 8, 8), "got float32 (2, 3, 8, 8). Give each pixel the index of its class."),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), "got uint8 (2, 8, 8). Convert it: labels.long()."),
        (torch.full((1, 8, 8), -100), "got the values [-100]. Translate foreign codes when reading them."),
        (torch.full((1, 8, 8), 3), "got the values [3]."),
    ],
)
def test_a_wrong_label_map_is_refused(labels: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_labels(labels, num_classes=3)
    assert str(caught.value).startswith("labels must be int64 (N, H, W) in 0..2 or 255; ")
    assert message in str(caught.value)


@given(seed=st.integers(0, 99), num_classes=st.integers(1, 255))
def test_every_class_and_ignore_are_labels(seed: int, num_classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, num_classes, (2, 3, 3), generator=generator)
    labels[0, 0, 0] = IGNORE
    check_labels(labels, num_classes)


def test_no_image_is_a_target_too() -> None:
    assert Target.unknown(0, 2, 4, 4).labelled.shape == (0, 4, 4)
