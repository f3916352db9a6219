"""The laws that every loss of the table obeys."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import (
    LOSSES,
    AnyLoss,
    BoxTightness,
    Centroid,
    CrossEntropy,
    DenseCrf,
    Dice,
    Focal,
    GatedCrf,
    Loss,
    Size,
    Tag,
    TreeEnergy,
)
from pointillist.losses.penalty import LogBarrier
from tests.losses.batches import (
    FIELDS,
    FULL,
    Batch,
    Scene,
    batches,
    cost,
    gradient,
    kept,
    mirrored,
    of_images,
    renamed,
    scenes,
    slope_of,
    sure,
    told,
    turned,
)

# A barrier costs something inside its bounds too, so that the truth is not its minimum.
BARRIERS: list[Loss] = [
    Size(penalty=LogBarrier()),
    Centroid(penalty=LogBarrier()),
    BoxTightness(penalty=LogBarrier(sharpness=20), width_px=2),
]
SETTINGS: list[Loss] = [
    CrossEntropy(positive_weight=3.0),
    Focal(gamma=0.5),
    Focal(gamma=5.0),
    BoxTightness(fill=(0.0, 1.0), width_px=1),
    BoxTightness(fill=(0.0, 1.0), width_px=3),
    Tag(share=0.01),
]
EVERY = [*(cls() for cls in LOSSES.values()), *SETTINGS, *BARRIERS]
READS_LABELS = [loss for loss in EVERY if "labels" in loss.reads]
READS_TRUTH = [loss for loss in EVERY if loss.reads]
# By default a box is taken to be filled in part: that is not true of every random mask.
LEAST_AT_THE_TRUTH = [loss for loss in READS_TRUTH if loss not in (*BARRIERS, BoxTightness())]
BACKGROUND_APART = [loss for loss in EVERY if loss in (CrossEntropy(positive_weight=3.0), Dice())]
SAME_FOR_EVERY_CLASS = [loss for loss in READS_TRUTH if loss not in BACKGROUND_APART]
TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}

every_loss = pytest.mark.parametrize("loss", EVERY, ids=repr)
every_label_loss = pytest.mark.parametrize("loss", READS_LABELS, ids=repr)
every_truth_loss = pytest.mark.parametrize("loss", READS_TRUTH, ids=repr)
every_dtype = pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)


def for_all(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Try a few examples of each law on each loss: there are many pairs."""
    return lambda law: settings(max_examples=15)(given(**strategies)(law))


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, **TOLERANCE)


def at(loss: Loss, scene: Scene) -> Tensor:
    return loss(scene.logits, scene.target, scene.images)


# A loss that reads labels.


@every_label_loss
@every_dtype
@for_all(batch=batches())
def test_gradient_is_exactly_0_off_the_labels(loss: Loss, dtype: torch.dtype, batch: Batch) -> None:
    logits, labels = batch
    slope = gradient(loss, logits.to(dtype), labels)
    assert not slope[(labels == IGNORE)[:, None].expand_as(slope)].any()


@every_label_loss
@for_all(batch=batches(), strange=st.sampled_from([-1e4, 0.0, 7.0, 1e4]))
def test_logits_off_the_labels_are_immaterial(loss: Loss, batch: Batch, strange: float) -> None:
    logits, labels = batch
    others = torch.where((labels == IGNORE)[:, None], strange * logits, logits)
    assert torch.equal(cost(loss, logits, labels), cost(loss, others, labels))


@every_label_loss
@for_all(batch=batches(), rows=st.integers(0, 7), images=st.integers(0, 3))
def test_more_unlabelled_pixels_change_nothing(loss: Loss, batch: Batch, rows: int, images: int) -> None:
    logits, labels = batch
    more_logits = torch.cat([logits, *[logits[:1]] * images])
    more_logits = torch.cat([more_logits, *[more_logits[:, :, :1]] * rows], dim=2)
    more_labels = torch.full((more_logits.shape[0], *more_logits.shape[2:]), IGNORE)
    more_labels[: labels.shape[0], : labels.shape[1]] = labels
    same(cost(loss, more_logits, more_labels), cost(loss, logits, labels))


@every_label_loss
@for_all(batch=batches(), spread=st.integers(2, 5))
def test_size_does_not_shrink_with_the_share_of_labels(loss: Loss, batch: Batch, spread: int) -> None:
    """One pixel of many labelled weighs as much as the same pixel alone."""
    logits, labels = batch
    sparse = torch.full((labels.shape[0], labels.shape[1] * spread, labels.shape[2]), IGNORE)
    sparse[:, ::spread] = labels
    slope = gradient(loss, logits.repeat_interleave(spread, dim=2), sparse)
    same(slope[:, :, ::spread], gradient(loss, logits, labels))


# A loss that reads any truth.


@every_truth_loss
@every_dtype
def test_silence_costs_nothing(loss: Loss, dtype: torch.dtype) -> None:
    for scale, (n, k, h, w) in product([0.0, 1.0, 1e4], [(1, 2, 1, 1), (3, 4, 5, 2), (2, 1, 3, 3)]):
        logits = torch.linspace(-scale, scale, n * k * h * w).reshape(n, k, h, w).to(dtype).requires_grad_()
        rows_of_ignore = kept(told(torch.zeros(n, h, w, dtype=torch.int64), k), {})
        for target in (Target.unknown(n, k, h, w), rows_of_ignore):
            silent = loss(logits, target, torch.zeros(n, 3, h, w))
            assert silent == 0
            assert torch.equal(slope_of(silent, logits), torch.zeros_like(logits))


@every_truth_loss
@for_all(scene=scenes(whole=True), data=st.data())
def test_silence_is_neutral_among_others(loss: Loss, scene: Scene, data: st.DataObject) -> None:
    """Of images that each know one thing, only those count that know what the loss reads."""
    n = len(scene.logits)
    kinds = data.draw(st.lists(st.sampled_from([*FIELDS, "nothing"]), min_size=n, max_size=n))
    mixed = kept(scene.target, {name: torch.tensor([name == kind for kind in kinds]) for name in FIELDS})
    logits = scene.logits.clone().requires_grad_()
    value = loss(logits, mixed, scene.images)
    heard = [image for image, kind in enumerate(kinds) if kind in loss.reads]
    alone = loss(logits[heard], of_images(scene.target, heard), scene.images[heard])
    same(value, alone if heard else torch.zeros_like(value))
    slope = slope_of(value, logits)
    assert not slope[[image for image in range(n) if image not in heard]].any()
    if heard:
        same(slope, slope_of(alone, logits))


@every_truth_loss
@for_all(scene=scenes())
def test_it_reads_what_it_declares(loss: Loss, scene: Scene) -> None:
    everywhere = torch.ones(len(scene.logits), dtype=torch.bool)
    read = kept(scene.target, dict.fromkeys(loss.reads, everywhere))
    assert torch.equal(loss(scene.logits, read, scene.images), at(loss, scene))


@pytest.mark.parametrize("loss", LEAST_AT_THE_TRUTH, ids=repr)
@for_all(scene=scenes())
def test_a_perfect_prediction_is_a_minimum(loss: Loss, scene: Scene) -> None:
    best = loss(scene.perfect, scene.target, scene.images)
    assert 0 <= best < 1e-12
    assert best <= at(loss, scene)


@every_truth_loss
@pytest.mark.parametrize("side", [6, 12])
def test_knowledge_is_seen(loss: Loss, side: int) -> None:
    """A loss that is 0 for everything would pass most of the laws: some wrong prediction must cost."""
    truth = torch.zeros(1, side, side, dtype=torch.int64)
    truth[:, : side // 3, : side // 2] = 1
    wrong = [sure(torch.full_like(truth, label), 2) for label in (0, 1)]
    wrong.append(sure(truth.flip(1, 2), 2))
    costs = [loss(logits, told(truth, 2), torch.zeros(1, 3, side, side)) for logits in wrong]
    assert max(costs) > 0.01 + loss(sure(truth, 2), told(truth, 2), torch.zeros(1, 3, side, side))


# Every loss.


@every_loss
@for_all(scene=scenes())
def test_a_step_downhill_lowers_it(loss: Loss, scene: Scene) -> None:
    logits = scene.logits.clone().requires_grad_()
    value = loss(logits, scene.target, scene.images)
    slope = slope_of(value, logits)
    if slope.abs().max() > 1e-6:
        step = 1e-4 * slope / slope.norm()
        assert loss(logits - step, scene.target, scene.images) < value


@every_loss
@for_all(scene=scenes(), times=st.integers(2, 4))
def test_repeating_the_batch_changes_nothing(loss: Loss, scene: Scene, times: int) -> None:
    again = list(range(len(scene.logits))) * times
    repeated = loss(scene.logits[again], of_images(scene.target, again), scene.images[again])
    same(repeated, at(loss, scene))


@every_loss
@for_all(scene=scenes(), quarters=st.integers(0, 3), mirror=st.booleans())
def test_mirrored_and_turned(loss: Loss, scene: Scene, quarters: int, mirror: bool) -> None:
    logits, images = (maps.rot90(quarters, (2, 3)) for maps in (scene.logits, scene.images))
    target = scene.target
    for _ in range(quarters):
        target = turned(target)
    if mirror:
        logits, images, target = logits.flip(3), images.flip(3), mirrored(target)
    same(loss(logits, target, images), at(loss, scene))


@every_loss
@for_all(scene=scenes(), data=st.data())
def test_renaming_the_foreground_classes(loss: Loss, scene: Scene, data: st.DataObject) -> None:
    old = [0, *data.draw(st.permutations(range(1, scene.logits.shape[1])))]
    same(loss(scene.logits[:, old], renamed(scene.target, old), scene.images), at(loss, scene))


@pytest.mark.parametrize("loss", SAME_FOR_EVERY_CLASS, ids=repr)
@for_all(scene=scenes(), data=st.data())
def test_renaming_all_classes(loss: Loss, scene: Scene, data: st.DataObject) -> None:
    old = data.draw(st.permutations(range(scene.logits.shape[1])))
    same(loss(scene.logits[:, old], renamed(scene.target, old), scene.images), at(loss, scene))


@every_loss
@for_all(scene=scenes(), data=st.data())
def test_order_of_images(loss: Loss, scene: Scene, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(scene.logits))))
    shuffled = loss(scene.logits[order], of_images(scene.target, order), scene.images[order])
    same(shuffled, at(loss, scene))


@every_loss
@pytest.mark.parametrize("num_classes", [1, 2, 5])
@pytest.mark.parametrize("labels", ["none", "one pixel", "one class", "half", "all"])
def test_gradient_is_the_derivative(loss: Loss, num_classes: int, labels: str) -> None:
    torch.manual_seed(0)
    truth = torch.randint(0, num_classes, (2, 3, 2))
    known = {
        "none": truth.new_full(truth.shape, IGNORE),
        "one pixel": truth.new_full(truth.shape, IGNORE).index_put((torch.tensor(0),) * 3, truth[0, 0, 0]),
        "one class": truth.new_full(truth.shape, num_classes - 1),
        "half": torch.where(torch.rand(truth.shape) < 0.5, truth, IGNORE),
        "all": truth,
    }[labels]
    logits = torch.randn(2, num_classes, 3, 2, dtype=torch.float64, requires_grad=True)
    images = torch.rand(2, 3, 3, 2, dtype=torch.float64)
    target = Target.from_labels(known, num_classes) if labels != "all" else told(truth, num_classes)
    assert torch.autograd.gradcheck(lambda z: loss(z, target, images), (logits,))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@for_all(scene=scenes())
def test_finite_for_huge_logits(loss: Loss, dtype: torch.dtype, scene: Scene) -> None:
    for sign in (scene.logits.sign(), -scene.perfect.sign()):
        huge = (1e4 * sign).to(dtype).requires_grad_()
        value = loss(huge, scene.target, scene.images)
        assert value.isfinite()
        assert slope_of(value, huge).isfinite().all()


@every_loss
@for_all(scene=scenes())
def test_half_precision_is_computed_in_float32(loss: Loss, scene: Scene) -> None:
    half, target = scene.logits.bfloat16(), scene.target
    images = scene.images.float()
    plain = loss(half.float(), target, images)
    assert plain.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(half, target, images), plain)
    torch.testing.assert_close(plain.double(), loss(half.double(), target, images), rtol=1e-5, atol=1e-6)


class Single(TorchDispatchMode):
    """Stands in for a device that has no float64, as Apple's GPUs: nothing may give it."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = func(*args, **(kwargs or {}))
        double = [one for one in tree_leaves(given) if isinstance(one, Tensor) and one.dtype == torch.float64]
        assert not double, func
        return given


# Grown on the host, wherever the network is: there is float64.
@pytest.mark.parametrize(
    "loss",
    [*(loss for loss in EVERY if not isinstance(loss, TreeEnergy)), DenseCrf(side=2), GatedCrf(scale=2)],
    ids=repr,
)
@for_all(scene=scenes())
def test_no_loss_needs_float64_of_its_device(loss: Loss, scene: Scene) -> None:
    logits, images = scene.logits.float().requires_grad_(), scene.images.float()
    read = {name: getattr(scene.target, name) for name in FIELDS}
    single = {name: field.float() for name, field in read.items() if field.is_floating_point()}
    with Single():
        loss(logits, replace(scene.target, **single), images).backward()


@every_loss
@for_all(scene=scenes())
def test_memory_layout_is_immaterial(loss: Loss, scene: Scene) -> None:
    columns_first = scene.logits.mT.contiguous().mT
    for logits in (scene.logits.to(memory_format=torch.channels_last), columns_first):
        same(loss(logits, scene.target, scene.images), at(loss, scene))


@every_loss
@for_all(scene=scenes())
def test_inputs_stay_untouched(loss: Loss, scene: Scene) -> None:
    inputs = [scene.logits, scene.images, *(getattr(scene.target, name) for name in FIELDS)]
    before = [tensor.clone() for tensor in inputs]
    logits = scene.logits.requires_grad_()
    slope_of(loss(logits, scene.target, scene.images), logits)
    for tensor, copy in zip(inputs, before, strict=True):
        assert torch.equal(tensor, copy)


@every_loss
def test_json_round_trip(loss: Loss) -> None:
    again: Loss = TypeAdapter(AnyLoss).validate_json(loss.to_json())
    assert again == loss
    assert again.id == loss.id


@every_label_loss
@for_all(batch=batches(FULL))
def test_full_labels_are_seen(loss: Loss, batch: Batch) -> None:
    """A loss that is 0 for everything would pass most of the laws."""
    logits, _ = batch
    assert cost(loss, logits, torch.ones_like(batch[1])) > 0
