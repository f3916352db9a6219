"""The laws that every loss of the table obeys."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import LOSSES, AnyLoss, CrossEntropy, Focal, Loss
from tests.losses.batches import FULL, Batch, batches, cost, gradient

SETTINGS: list[Loss] = [
    CrossEntropy(positive_weight=3.0),
    Focal(gamma=0.5),
    Focal(gamma=5.0),
]
EVERY = [*(cls() for cls in LOSSES.values()), *SETTINGS]
READS_LABELS = [loss for loss in EVERY if "labels" in loss.reads]
SAME_FOR_EVERY_CLASS = [loss for loss in EVERY if loss in (CrossEntropy(), Focal())]
TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}

every_loss = pytest.mark.parametrize("loss", EVERY, ids=repr)
every_label_loss = pytest.mark.parametrize("loss", READS_LABELS, ids=repr)
every_dtype = pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, **TOLERANCE)


def perfect(logits: Tensor, labels: Tensor) -> Tensor:
    """Logits that are sure of the truth where it is known."""
    known = torch.where(labels == IGNORE, 0, labels)
    sure = torch.nn.functional.one_hot(known, logits.shape[1]).movedim(-1, 1) * 60.0 - 30.0
    return torch.where((labels == IGNORE)[:, None], logits, sure.to(logits.dtype))


# A loss that reads labels.


@every_label_loss
@every_dtype
@given(batch=batches())
def test_gradient_is_exactly_0_off_the_labels(loss: Loss, dtype: torch.dtype, batch: Batch) -> None:
    logits, labels = batch
    slope = gradient(loss, logits.to(dtype), labels)
    assert not slope[(labels == IGNORE)[:, None].expand_as(slope)].any()


@every_label_loss
@given(batch=batches(), strange=st.sampled_from([-1e4, 0.0, 7.0, 1e4]))
def test_logits_off_the_labels_are_immaterial(loss: Loss, batch: Batch, strange: float) -> None:
    logits, labels = batch
    others = torch.where((labels == IGNORE)[:, None], strange * logits, logits)
    assert torch.equal(cost(loss, logits, labels), cost(loss, others, labels))


@every_label_loss
@given(batch=batches(), rows=st.integers(0, 7), images=st.integers(0, 3))
def test_more_unlabelled_pixels_change_nothing(loss: Loss, batch: Batch, rows: int, images: int) -> None:
    logits, labels = batch
    more_logits = torch.cat([logits, *[logits[:1]] * images])
    more_logits = torch.cat([more_logits, *[more_logits[:, :, :1]] * rows], dim=2)
    more_labels = torch.full((more_logits.shape[0], *more_logits.shape[2:]), IGNORE)
    more_labels[: labels.shape[0], : labels.shape[1]] = labels
    same(cost(loss, more_logits, more_labels), cost(loss, logits, labels))


@every_label_loss
@given(batch=batches(), times=st.integers(2, 4))
def test_repeating_the_batch_changes_nothing(loss: Loss, batch: Batch, times: int) -> None:
    logits, labels = batch
    same(cost(loss, logits.repeat(times, 1, 1, 1), labels.repeat(times, 1, 1)), cost(loss, logits, labels))


@every_label_loss
@given(batch=batches(), spread=st.integers(2, 5))
def test_size_does_not_shrink_with_the_share_of_labels(loss: Loss, batch: Batch, spread: int) -> None:
    """One pixel of many labelled weighs as much as the same pixel alone."""
    logits, labels = batch
    sparse = torch.full((labels.shape[0], labels.shape[1] * spread, labels.shape[2]), IGNORE)
    sparse[:, ::spread] = labels
    slope = gradient(loss, logits.repeat_interleave(spread, dim=2), sparse)
    same(slope[:, :, ::spread], gradient(loss, logits, labels))


# A loss that reads any truth.


@every_loss
@every_dtype
@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (3, 4, 5, 2), (2, 1, 3, 3)], ids=str)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_silence_costs_nothing(
    loss: Loss, dtype: torch.dtype, shape: tuple[int, int, int, int], scale: float
) -> None:
    n, k, h, w = shape
    logits = torch.linspace(-scale, scale, math.prod(shape)).reshape(shape).to(dtype).requires_grad_()
    silent = loss(logits, Target.unknown(n, k, h, w), torch.zeros(n, 3, h, w))
    silent.backward()
    assert silent == 0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@every_loss
@given(batch=batches())
def test_a_perfect_prediction_is_a_minimum(loss: Loss, batch: Batch) -> None:
    logits, labels = batch
    best = cost(loss, perfect(logits, labels), labels)
    assert 0 <= best < 1e-12
    assert best <= cost(loss, logits, labels)


@every_loss
@given(batch=batches())
def test_a_step_downhill_lowers_it(loss: Loss, batch: Batch) -> None:
    logits, labels = batch
    slope = gradient(loss, logits, labels)
    if slope.abs().max() > 1e-6:
        step = 1e-3 * slope / slope.norm()
        assert cost(loss, logits - step, labels) < cost(loss, logits, labels)


# Every loss.


@every_loss
@given(batch=batches(), quarters=st.integers(0, 3), mirrored=st.booleans())
def test_mirrored_and_turned(loss: Loss, batch: Batch, quarters: int, mirrored: bool) -> None:
    logits, labels = batch
    turned_logits, turned_labels = logits.rot90(quarters, (2, 3)), labels.rot90(quarters, (1, 2))
    if mirrored:
        turned_logits, turned_labels = turned_logits.flip(3), turned_labels.flip(2)
    same(cost(loss, turned_logits, turned_labels), cost(loss, logits, labels))


@every_loss
@given(batch=batches(), data=st.data())
def test_renaming_the_foreground_classes(loss: Loss, batch: Batch, data: st.DataObject) -> None:
    renamed(loss, batch, [0, *data.draw(st.permutations(range(1, batch[0].shape[1])))])


@pytest.mark.parametrize("loss", SAME_FOR_EVERY_CLASS, ids=repr)
@given(batch=batches(), data=st.data())
def test_renaming_all_classes(loss: Loss, batch: Batch, data: st.DataObject) -> None:
    renamed(loss, batch, data.draw(st.permutations(range(batch[0].shape[1]))))


def renamed(loss: Loss, batch: Batch, old: list[int]) -> None:
    logits, labels = batch
    new = torch.full((IGNORE + 1,), IGNORE)
    new[torch.tensor(old)] = torch.arange(len(old))
    same(cost(loss, logits[:, old], new[labels]), cost(loss, logits, labels))


@every_loss
@given(batch=batches(), data=st.data())
def test_order_of_images(loss: Loss, batch: Batch, data: st.DataObject) -> None:
    logits, labels = batch
    order = data.draw(st.permutations(range(len(labels))))
    same(cost(loss, logits[order], labels[order]), cost(loss, logits, labels))


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
    assert torch.autograd.gradcheck(lambda z: cost(loss, z, known), (logits,))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@given(batch=batches())
def test_finite_for_huge_logits(loss: Loss, dtype: torch.dtype, batch: Batch) -> None:
    logits, labels = batch
    huge = (1e4 * logits.sign()).to(dtype).requires_grad_()
    value = cost(loss, huge, labels)
    value.backward()
    assert value.isfinite()
    assert huge.grad is not None
    assert huge.grad.isfinite().all()


@every_loss
@given(batch=batches())
def test_half_precision_is_computed_in_float32(loss: Loss, batch: Batch) -> None:
    logits, labels = batch
    half = logits.bfloat16()
    plain = cost(loss, half.float(), labels)
    assert plain.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cost(loss, half, labels), plain)
    torch.testing.assert_close(plain.double(), cost(loss, half.double(), labels), rtol=1e-5, atol=1e-6)


@every_loss
@given(batch=batches())
def test_memory_layout_is_immaterial(loss: Loss, batch: Batch) -> None:
    logits, labels = batch
    same(cost(loss, logits.to(memory_format=torch.channels_last), labels), cost(loss, logits, labels))


@every_loss
@given(batch=batches())
def test_inputs_stay_untouched(loss: Loss, batch: Batch) -> None:
    logits, labels = batch
    before = logits.clone(), labels.clone()
    gradient(loss, logits, labels)
    assert torch.equal(logits, before[0])
    assert torch.equal(labels, before[1])


@every_loss
def test_json_round_trip(loss: Loss) -> None:
    again: Loss = TypeAdapter(AnyLoss).validate_json(loss.to_json())
    assert again == loss
    assert again.id == loss.id


@every_label_loss
@given(batch=batches(FULL))
def test_full_labels_are_seen(loss: Loss, batch: Batch) -> None:
    """A loss that is 0 for everything would pass most of the laws."""
    logits, _ = batch
    assert cost(loss, logits, torch.ones_like(batch[1])) > 0
