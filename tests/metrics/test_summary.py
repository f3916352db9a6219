"""The table of a data set: pooled and per image, absent classes counted, intervals, JSON, mistakes."""

import numpy as np
import pytest

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.metrics import METRICS
from pointillist.metrics.confusion import dice
from pointillist.metrics.curve import average_precision, roc_auc
from pointillist.metrics.summary import ImageResult, Summary, measure, summarise

CLASSES = ("background", "lesion")


def square(top: int, size: int) -> np.ndarray:
    mask = np.zeros((16, 16), np.uint8)
    mask[top : top + size, 2 : 2 + size] = 1
    return mask


def noisy(seed: int, images: int, num_classes: int = 2, group: str = "") -> list[ImageResult]:
    rng = np.random.default_rng(seed)
    results = []
    for i in range(images):
        truth = rng.integers(0, num_classes, (20, 20)).astype(np.uint8)
        probs = rng.random((num_classes, 20, 20)) + 0.4 * np.eye(num_classes)[truth].transpose(2, 0, 1)
        probs /= probs.sum(axis=0)
        prediction = probs.argmax(axis=0).astype(np.uint8)
        results.append(measure(f"image {i}", group and f"{group}{i}", prediction, truth, num_classes, probs))
    return results


def test_pooled_and_per_image_are_two_quantities() -> None:
    results = [
        measure("small", "", square(2, 2), square(3, 2), 2),
        measure("large", "", square(2, 10), square(2, 10), 2),
    ]
    summary = summarise(results, CLASSES)
    pooled, mean = summary.row("dice"), summary.row("dice_per_image")
    assert (pooled.pooling, mean.pooling) == ("pooled", "per-image")
    assert pooled.value == 2 * 102 / 208
    assert mean.value == (0.5 + 1) / 2
    assert summary.row("accuracy").value == 1 - 4 / 512
    assert summary.row("hd95_per_image").value == 0.5


def test_absent_class_is_not_counted_and_missed_object_fails() -> None:
    nothing = square(0, 0)
    results = [
        measure("good", "", square(2, 4), square(2, 4), 2),
        measure("absent", "", nothing, nothing, 2),
        measure("missed", "", nothing, square(2, 4), 2),
        measure("invented", "", square(2, 4), nothing, 2),
        measure("void", "", nothing, np.full((16, 16), IGNORE, np.uint8), 2),
    ]
    summary = summarise(results, CLASSES)
    row = summary.row("dice_per_image")
    assert (row.value, row.images_used, row.images_failed, row.images) == (1 / 3, 3, 2, 5)
    row = summary.row("hd95_per_image")
    assert row.value == pytest.approx(2 * np.hypot(16, 16) / 3)
    assert (row.images_used, row.images_failed) == (3, 2)
    row = summary.row("sensitivity_per_image")
    assert (row.value, row.images_used, row.images_failed) == (0.5, 2, 1)
    assert summary.row("accuracy").images_used == 4


def test_the_mean_over_classes_leaves_out_what_no_image_shows() -> None:
    """A stray pixel would count as a class of Dice 0; its own row tells of it."""
    stray = square(2, 4)
    stray[0, 0] = 2
    results = [measure("a", "", stray, square(2, 4), 3), measure("b", "", square(2, 4), square(3, 4), 3)]
    summary = summarise(results, ["background", "lesion", "hair"])
    for metric in ("dice", "dice_per_image", "iou", "hd95_per_image", "surface_dice_per_image"):
        assert summary.row(metric).value == summary.row(metric, "lesion").value
    hair = summary.row("dice_per_image", "hair")
    assert (hair.value, hair.images_used, hair.images_failed) == (0, 1, 1)
    only = summarise([measure("a", "", square(2, 4), square(0, 0), 2)], CLASSES).row("dice")
    assert (only.value, only.images_failed) == (None, 1)


def test_a_mean_over_classes_has_an_interval_only_if_enough_images_show_each() -> None:
    def told(images: int) -> Summary:
        results = []
        for number in range(12):
            truth, prediction = square(2, 4), square(2 + number % 3, 4)
            truth[14:, 14:] = 2 * (number < images)
            prediction[14:, 14] = 2
            results.append(measure(str(number), "", prediction, truth, 3))
        return summarise(results, ["background", "lesion", "hair"], resamples=50)

    for metric in ("dice", "dice_per_image", "hd95_per_image", "sensitivity"):
        mean, lesion, hair = (told(4).row(metric, name) for name in (None, "lesion", "hair"))
        assert (mean.low, mean.rare, hair.low, hair.rare) == (None, ("hair",), None, ("hair",))
        assert lesion.low is not None
        assert lesion.rare == ()
        assert told(5).row(metric).low is not None
        assert told(5).row(metric, "hair").low is not None


def test_predictions_on_void_change_no_row() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (16, 16)).astype(np.uint8)
    void = rng.random((16, 16)) < 0.3
    truth[void] = IGNORE
    probs = rng.dirichlet(np.ones(3), (16, 16)).transpose(2, 0, 1)

    def rows(filled_with: int) -> Summary:
        shown = np.where(void, np.eye(3)[filled_with][:, None, None], probs)
        prediction = shown.argmax(axis=0).astype(np.uint8)
        return summarise([measure("a", "", prediction, truth, 3, shown)], "abc", resamples=2)

    assert rows(0) == rows(1) == rows(2)


def test_undefined_everywhere_is_null() -> None:
    nothing = square(0, 0)
    summary = summarise(
        [measure("a", "", nothing, nothing, 2), measure("b", "", nothing, nothing, 2)], CLASSES
    )
    row = summary.row("dice")
    assert (row.value, row.low, row.high, row.images_used, row.images) == (None, None, None, 0, 2)
    assert '"value":null' in summary.to_json()
    assert validated(Summary, summary.to_json(), text=True) == summary


def test_every_metric_of_the_table_is_in_the_summary() -> None:
    summary = summarise(noisy(0, 3), CLASSES, resamples=10)
    per_image = {f"{name}_per_image" for name in METRICS}
    pooled = {name for name, metric in METRICS.items() if metric.needs != "surface"}
    assert {row.metric for row in summary.rows} == pooled | per_image


def test_classes_have_rows_and_the_mean_is_theirs() -> None:
    results = noisy(1, 5, num_classes=4)
    summary = summarise(results, ["background", "a", "b", "c"], resamples=50)
    total = sum((r.matrix for r in results), np.zeros((4, 4), np.int64))
    assert [summary.row("dice", name).value for name in "abc"] == dice(total)[1:].tolist()
    for metric in ("dice", "iou_per_image", "roc_auc", "hd95_per_image"):
        each = [summary.row(metric, name).value for name in "abc"]
        assert summary.row(metric).value == pytest.approx(np.mean(each))
    assert [row.class_name for row in summary.rows if row.metric == "accuracy"] == [None]
    assert {row.class_name for row in summarise(noisy(1, 2), CLASSES, resamples=2).rows} == {None}


def test_pooled_areas_are_those_of_all_pixels_together() -> None:
    rng = np.random.default_rng(0)
    truths = [(rng.random((200, 250)) < share).astype(np.uint8) for share in (0.05, 0.2, 0.5)]
    probs = [np.clip(0.3 * t + 0.6 * rng.random(t.shape), 0, 1) for t in truths]
    results = [
        measure(str(i), "", (p > 0.5).astype(np.uint8), t, 2, np.stack([1 - p, p]))
        for i, (t, p) in enumerate(zip(truths, probs, strict=True))
    ]
    summary = summarise(results, CLASSES)
    scores, positive = np.concatenate(probs).ravel(), np.concatenate(truths).ravel() == 1
    assert summary.row("roc_auc").value == pytest.approx(roc_auc(scores, positive), abs=1e-4)
    assert summary.row("average_precision").value == pytest.approx(
        average_precision(scores, positive), abs=1e-4
    )
    mean = np.mean([roc_auc(p, t == 1) for p, t in zip(probs, truths, strict=True)])
    assert summary.row("roc_auc_per_image").value == pytest.approx(mean, abs=1e-4)


def test_pooled_areas_of_hard_decisions_are_exact() -> None:
    rng = np.random.default_rng(1)
    truth, hard = ((rng.random((20, 20)) < share).astype(np.uint8) for share in (0.2, 0.4))
    summary = summarise([measure("a", "", hard, truth, 2, np.stack([1.0 - hard, hard]))], CLASSES)
    exact = average_precision(hard * 1.0, truth == 1)
    assert summary.row("average_precision").value == pytest.approx(exact, abs=1e-12)
    assert summary.row("average_precision_per_image").value == pytest.approx(exact, abs=1e-12)


def test_order_of_images_is_immaterial_to_the_bit() -> None:
    results = noisy(2, 7)
    expected = summarise(results, CLASSES, resamples=100, seed=3)
    rng = np.random.default_rng(0)
    for _ in range(3):
        shuffled = [results[i] for i in rng.permutation(7)]
        assert summarise(shuffled, CLASSES, resamples=100, seed=3) == expected
    assert summarise(results, CLASSES, resamples=100, seed=4) != expected


def test_intervals_hold_the_value_and_need_two_groups() -> None:
    for row in summarise(noisy(3, 12), CLASSES).rows:
        assert row.value is not None
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.value <= row.high
        assert row.low < row.high or row.metric == "hd95_per_image"
    one = summarise(noisy(3, 1), CLASSES).row("dice")
    assert (one.low, one.high) == (None, None)
    together = [ImageResult(r.name, "one patient", r.matrix, r.hd95, r.surface_dice) for r in noisy(3, 12)]
    assert summarise(together, CLASSES).row("dice_per_image").low is None


def test_groups_widen_the_interval() -> None:
    def width(results: list[ImageResult]) -> float:
        row = summarise(results, CLASSES).row("dice_per_image")
        assert row.low is not None
        assert row.high is not None
        return row.high - row.low

    copies = [
        ImageResult(f"{r.name}, section {i}", r.name, r.matrix, r.hd95, r.surface_dice)
        for r in noisy(4, 10)
        for i in range(5)
    ]
    alone = [ImageResult(r.name, "", r.matrix, r.hd95, r.surface_dice) for r in copies]
    assert width(alone) < 0.7 * width(copies)


def test_mistakes_are_named() -> None:
    results = noisy(6, 2)
    with pytest.raises(InputError, match="at least one image"):
        summarise([], CLASSES)
    with pytest.raises(InputError, match="'image 0' several times"):
        summarise([results[0], results[0]], CLASSES)
    with pytest.raises(InputError, match="must have 3 classes; got image 0"):
        summarise(results, ["a", "b", "c"])
    bare = measure("bare", "", square(2, 2), square(2, 2), 2)
    with pytest.raises(InputError, match="all 3 images must have probabilities; got 2"):
        summarise([*results, bare], CLASSES)
    with pytest.raises(InputError, match=r"shape \(2, 16, 16\); got \(3, 16, 16\)"):
        measure("a", "", square(2, 2), square(2, 2), 2, np.zeros((3, 16, 16)))
    with pytest.raises(InputError, match="Did you mean 'dice'"):
        summarise(results, CLASSES, resamples=2).row("dise")
