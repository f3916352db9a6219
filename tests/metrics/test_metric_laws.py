"""The laws of every metric in the table; being listed is being tested."""

import numpy as np
import pytest
from hypothesis import given
from scipy.special import expit

from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.metrics import METRICS
from pointillist.metrics.confusion import confusion_matrix
from pointillist.metrics.curve import Histogram, average_precision
from pointillist.metrics.summary import ImageResult, MetricRow, measure, summarise
from tests.metrics.draw import Pair, pair, pairs, scores

NAMES = list(METRICS)
OVERLAP = [name for name in NAMES if METRICS[name].needs == "confusion"]
PER_CLASS = [name for name in NAMES if name != "accuracy"]


@pytest.mark.parametrize("name", NAMES)
@given(drawn=pairs)
def test_perfect_is_best(name: str, drawn: Pair) -> None:
    _, truth, num_classes = drawn
    prediction = np.where(truth == IGNORE, 0, truth).astype(np.uint8)
    values = scores(name, prediction, truth, num_classes)
    best = 1.0 if METRICS[name].higher_is_better else 0.0
    assert np.all(np.isnan(values) | (values == best))


@pytest.mark.parametrize("name", NAMES)
def test_perfect_is_defined_where_both_classes_are(name: str) -> None:
    truth = np.eye(8, dtype=np.uint8)
    assert scores(name, truth, truth, 2).tolist() == [1.0 if METRICS[name].higher_is_better else 0.0]


def test_disjoint_is_worst() -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[:, :2] = 1
    for name in [*OVERLAP, "roc_auc"]:
        assert scores(name, 1 - truth, truth, 2).tolist() == [0.0], name
    assert scores("average_precision", 1 - truth, truth, 2).tolist() == [0.25]  # the share of positives
    far = np.zeros((8, 8), np.uint8)
    far[:, 6:] = 1
    assert scores("surface_dice", far, truth, 2).tolist() == [0.0]
    assert scores("hd95", far, truth, 2).tolist() == [6.0]


@pytest.mark.parametrize("name", NAMES)
@given(drawn=pairs)
def test_predictions_on_void_are_immaterial(name: str, drawn: Pair) -> None:
    prediction, truth, num_classes = drawn
    before = scores(name, prediction, truth, num_classes)
    for label in (0, num_classes - 1, IGNORE):
        other = np.where(truth == IGNORE, label, prediction).astype(np.uint8)
        np.testing.assert_array_equal(scores(name, other, truth, num_classes), before)


@pytest.mark.parametrize("name", NAMES)
@given(drawn=pairs)
def test_a_void_frame_changes_nothing(name: str, drawn: Pair) -> None:
    # The border of what is known counts as the border of the image does; only HD95's penalty grows with it.
    prediction, truth, num_classes = drawn
    before = scores(name, prediction, truth, num_classes)
    framed = scores(name, np.pad(prediction, 3), np.pad(truth, 3, constant_values=IGNORE), num_classes)
    penalised = before >= np.hypot(*truth.shape) if name == "hd95" else np.zeros(len(before), bool)
    np.testing.assert_allclose(framed[~penalised], before[~penalised], atol=1e-12)
    assert np.all(framed[penalised] > before[penalised])


@pytest.mark.parametrize("name", PER_CLASS)
def test_absent_class_is_nan(name: str) -> None:
    truth = np.zeros((5, 5), np.uint8)
    truth[2, 2] = 1
    value = scores(name, truth, truth, 3)[1]
    assert value == 1.0 if name == "specificity" else np.isnan(value)


@pytest.mark.parametrize("name", NAMES)
def test_all_void_is_nan(name: str) -> None:
    truth = np.full((4, 4), IGNORE, np.uint8)
    assert np.isnan(scores(name, np.ones((4, 4), np.uint8), truth, 2)).all()


@pytest.mark.parametrize("name", NAMES)
@given(drawn=pairs)
def test_renaming_classes_renames_scores(name: str, drawn: Pair) -> None:
    prediction, truth, num_classes = drawn
    before = scores(name, prediction, truth, num_classes)
    renamed = np.arange(256, dtype=np.uint8)
    renamed[1:num_classes] = np.roll(renamed[1:num_classes], -1)
    after = scores(name, renamed[prediction], renamed[truth], num_classes)
    np.testing.assert_allclose(after, np.roll(before, 1), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(drawn=pairs)
def test_mirror_and_quarter_turn_change_nothing(name: str, drawn: Pair) -> None:
    prediction, truth, num_classes = drawn
    before = scores(name, prediction, truth, num_classes)
    for turn in (np.fliplr, np.flipud, np.rot90):
        after = scores(name, turn(prediction), turn(truth), num_classes)
        np.testing.assert_allclose(after, before, atol=1e-12)


@given(drawn=pairs)
def test_parts_add_up_to_the_whole(drawn: Pair) -> None:
    prediction, truth, num_classes = drawn
    matrix = confusion_matrix(prediction, truth, num_classes)
    half = len(truth) // 2
    parts = [
        confusion_matrix(prediction[rows], truth[rows], num_classes)
        for rows in (slice(half), slice(half, None))
    ]
    assert (parts[0] + parts[1] == matrix).all()
    assert matrix.sum() == (truth != IGNORE).sum()
    probs = np.linspace(0, 1, truth.size).reshape(truth.shape)
    whole = Histogram.of(probs, truth == 1)
    added = Histogram.of(probs[:half], truth[:half] == 1) + Histogram.of(probs[half:], truth[half:] == 1)
    assert (added.positives == whole.positives).all()
    assert (added.negatives == whole.negatives).all()


def results(seed: int, images: int = 4) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    rng = np.random.default_rng(seed)
    drawn = [pair(rng, side=10, classes=3) for _ in range(images)]
    return [(prediction, truth) for prediction, truth, _ in drawn], 3


def measured(name: int, prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> ImageResult:
    # All pixels of all images have scores of their own: where scores tie, average precision is not monotone.
    place = (100 * name + np.arange(prediction.size).reshape(prediction.shape)) / 400
    soft = expit(np.stack([10 * place - 10 + 10 * (prediction == k) for k in range(num_classes)]))
    return measure(str(name), "", prediction, truth, num_classes, soft)


def rows(maps: list[tuple[np.ndarray, np.ndarray]], num_classes: int) -> tuple[MetricRow, ...]:
    each = [measured(i, *both, num_classes) for i, both in enumerate(maps)]
    return summarise(each, [f"class {k}" for k in range(num_classes)], resamples=1).rows


def assert_nothing_improved(before: tuple[MetricRow, ...], after: tuple[MetricRow, ...]) -> None:
    for old, new in zip(before, after, strict=True):
        if old.value is None:
            continue
        assert new.value is not None, f"{new.metric} was lost"
        higher = METRICS[new.metric.removesuffix("_per_image")].higher_is_better
        gain = new.value - old.value if higher else old.value - new.value
        assert gain <= 1e-12, f"{new.metric} of {new.class_name} went from {old.value} to {new.value}"
        assert new.images_used >= old.images_used


@pytest.mark.parametrize("name", OVERLAP)
@pytest.mark.parametrize("becomes", [0, 2])
def test_one_true_positive_less_never_improves_a_matrix(name: str, becomes: int) -> None:
    rng = np.random.default_rng(8)
    before = rng.integers(0, 4, (10_000, 3, 3)) * (rng.random((10_000, 3, 3)) < rng.random((10_000, 1, 1)))
    before[:, 1, 1] += 1
    after = before.copy()
    after[:, 1, 1] -= 1
    after[:, 1, becomes] += 1
    old, new = (METRICS[name].function(matrices) for matrices in (before, after))
    if name != "accuracy":
        old, new = old[:, 1:], new[:, 1:]
    assert not (np.isnan(new) & ~np.isnan(old)).any()
    assert np.all(np.where(np.isnan(old), np.nan_to_num(new) == 0, new <= old))


@pytest.mark.parametrize("seed", range(60))
def test_deleting_a_true_positive_never_improves_a_score(seed: int) -> None:
    maps, num_classes = results(seed)
    before = rows(maps, num_classes)
    rng = np.random.default_rng(seed)
    for i, (prediction, truth) in enumerate(maps):
        hits = np.argwhere((prediction == truth) & (truth > 0))
        if not len(hits):
            continue
        worse = prediction.copy()
        worse[tuple(rng.choice(hits))] = 0
        changed = [*maps[:i], (worse, truth), *maps[i + 1 :]]
        pixelwise = [
            [r for r in table if not r.metric.startswith(("hd95", "surface"))]
            for table in (before, rows(changed, num_classes))
        ]
        assert_nothing_improved(tuple(pixelwise[0]), tuple(pixelwise[1]))


@pytest.mark.parametrize("seed", range(20))
def test_missing_an_object_whole_never_improves_a_score(seed: int) -> None:
    # MONAI#9095: a missed object whose distance is NaN leaves the mean, and the mean gets better.
    maps, num_classes = results(seed)
    before = rows(maps, num_classes)
    for i, (prediction, truth) in enumerate(maps):
        for label in range(1, num_classes):
            if not ((prediction == label) & (truth == label)).any():
                continue
            missed = np.where(prediction == label, 0, prediction).astype(np.uint8)
            after = rows([*maps[:i], (missed, truth), *maps[i + 1 :]], num_classes)
            kept = [
                [r for r in table if r.metric.split("_per")[0] in ("hd95", "surface_dice")]
                for table in (before, after)
            ]
            assert_nothing_improved(tuple(kept[0]), tuple(kept[1]))


def test_one_deleted_pixel_may_improve_an_outline_metric() -> None:
    # The limit that docs/metrics.md states: a hole has an outline too, and it lies near the true one.
    truth = np.zeros((9, 9), np.uint8)
    truth[1:6, 1:6] = 1
    prediction = truth.copy()
    prediction[8, 8] = 1
    holed = prediction.copy()
    holed[3, 3] = 0
    assert scores("surface_dice", holed, truth, 2)[0] > scores("surface_dice", prediction, truth, 2)[0]


def test_ties_may_improve_average_precision() -> None:
    # The other limit: pixels of one score enter together, so a step out of a bad tie may pay.
    truth = np.array([True] * 2 + [False] * 8 + [True] * 10)
    tied = np.array([0.9] * 10 + [0.1] * 10)
    lower = tied.copy()
    lower[0] = 0.1
    assert average_precision(lower, truth) > average_precision(tied, truth)


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'dice'"):
        METRICS["dise"]
