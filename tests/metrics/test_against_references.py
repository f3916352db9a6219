"""Every metric equals a brute force of six lines, and scikit-learn, torchmetrics, MONAI on random masks."""

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as torchmetrics
from monai.metrics import DiceMetric, HausdorffDistanceMetric, MeanIoU, SurfaceDiceMetric
from sklearn import metrics as sklearn

from pointillist.core.shapes import IGNORE
from pointillist.metrics import confusion, curve, surface
from tests.metrics.draw import Pair, pair

MASKS = 600


@pytest.fixture(scope="module")
def drawn() -> list[Pair]:
    rng = np.random.default_rng(5)
    return [pair(rng) for _ in range(MASKS)]


def brute_force(prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> list[list[int]]:
    counts = [[0] * num_classes for _ in range(num_classes)]
    for p, t in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        if t != 255:
            counts[t][p] += 1
    return counts


def test_masks_are_of_every_kind(drawn: list[Pair]) -> None:
    empty = [(not (p > 0).any(), not ((t > 0) & (t < 255)).any()) for p, t, _ in drawn]
    for kind in ((False, False), (False, True), (True, False), (True, True)):
        assert empty.count(kind) >= 20, kind
    assert sum((t == IGNORE).any() for _, t, _ in drawn) > 100
    assert {k for _, _, k in drawn} == {2, 3, 4, 5}


def test_matrix_equals_brute_force_and_scikit_learn(drawn: list[Pair]) -> None:
    for prediction, truth, k in drawn:
        matrix = confusion.confusion_matrix(prediction, truth, k)
        assert matrix.tolist() == brute_force(prediction, truth, k)
        if (known := truth != IGNORE).any():
            expected = sklearn.confusion_matrix(truth[known], prediction[known], labels=range(k))
            assert (matrix == expected).all()


def test_scores_equal_scikit_learn(drawn: list[Pair]) -> None:
    # scikit-learn's 0/0 is set to NaN; its precision is undefined for a class that is there but never
    # predicted, where ours is 0 (declared: the missed class must not leave the mean).
    for prediction, truth, k in drawn:
        if not (known := truth != IGNORE).any():
            continue
        matrix = confusion.confusion_matrix(prediction, truth, k)
        both = truth[known], prediction[known]
        precision, recall, dice, _ = sklearn.precision_recall_fscore_support(
            *both, labels=range(k), zero_division=np.nan
        )
        missed = (matrix.sum(axis=0) == 0) & (matrix.sum(axis=1) > 0)
        close(confusion.precision(matrix), np.where(missed, 0, precision))
        close(confusion.sensitivity(matrix), recall)
        close(confusion.dice(matrix), dice)
        close(confusion.accuracy(matrix), sklearn.accuracy_score(*both))


def close(ours: np.ndarray | float, theirs: np.ndarray | float, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, equal_nan=True)


def test_scores_equal_torchmetrics(drawn: list[Pair]) -> None:
    for prediction, truth, k in drawn:
        matrix = confusion.confusion_matrix(prediction, truth, k)
        both = torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(truth.astype(np.int64))
        options = {"num_classes": k, "ignore_index": IGNORE, "validate_args": False}
        counted = torchmetrics.multiclass_confusion_matrix(*both, **options)
        assert matrix.tolist() == counted.tolist()
        if not matrix.sum():
            continue
        # torchmetrics gives 0 for 0/0, in float32: compared where ours is defined.
        for ours, function in (
            (confusion.iou(matrix), torchmetrics.multiclass_jaccard_index),
            (confusion.dice(matrix), torchmetrics.multiclass_f1_score),
            (confusion.specificity(matrix), torchmetrics.multiclass_specificity),
        ):
            theirs = function(*both, average="none", **options).double().numpy()
            close(np.nan_to_num(ours), np.where(np.isnan(ours), 0, theirs), atol=1e-6)


def one_hot(labels: np.ndarray, known: np.ndarray, num_classes: int) -> torch.Tensor:
    planes = [(labels == k) & known for k in range(1, num_classes)]
    return torch.from_numpy(np.stack(planes)[None]).float()


def foreground(pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    prediction, truth, k = pair
    known = truth != IGNORE
    return one_hot(prediction, known, k), one_hot(truth, known, k)


def test_overlap_equals_monai(drawn: list[Pair]) -> None:
    # MONAI leaves out every class that the truth lacks, though it was predicted: ours is 0 there.
    theirs = [DiceMetric(reduction="none"), MeanIoU(reduction="none")]
    for drawn_pair in drawn:
        matrix = confusion.confusion_matrix(*drawn_pair)
        there = matrix.sum(axis=1)[1:] > 0
        for metric, ours in zip(theirs, (confusion.dice, confusion.iou), strict=True):
            value = metric(*foreground(drawn_pair))[0].double().numpy()
            assert np.isnan(value[~there]).all()
            close(ours(matrix)[1:][there], value[there], atol=1e-6)


def maps(drawn: list[Pair]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [((p == k) & (t != IGNORE), t == k) for p, t, num in drawn for k in range(1, num)]


# MONAI 1.5 calls its own deprecated argument.
@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 2.0)])
def test_outlines_equal_monai(drawn: list[Pair], spacing: tuple[float, float]) -> None:
    hausdorff = HausdorffDistanceMetric(include_background=True, percentile=95, reduction="none")
    compared = 0
    for prediction, truth in maps(drawn)[:: 2 if spacing == (1.0, 1.0) else 4]:
        ours = surface.hd95(prediction, truth, spacing), surface.surface_dice(prediction, truth, 1.5, spacing)
        if prediction.any() and truth.any():
            both = [torch.from_numpy(m[None, None]).float() for m in (prediction, truth)]
            near = SurfaceDiceMetric([1.5], include_background=True, reduction="none")
            close(ours[0], hausdorff(*both, spacing=list(spacing)).item(), atol=1e-5)
            close(ours[1], near(*both, spacing=list(spacing)).item(), atol=1e-6)
            compared += 1
        elif prediction.any() or truth.any():
            assert ours == (pytest.approx(np.hypot(*np.multiply(truth.shape, spacing))), 0.0)
        else:
            assert np.isnan(ours).all()
    assert compared >= 100


def outline(inside: np.ndarray) -> np.ndarray:
    padded = np.pad(inside, 1)
    core = padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    return np.argwhere(inside & ~core)


def test_outlines_equal_brute_force(drawn: list[Pair]) -> None:
    spacing, compared = np.array([1.5, 0.7]), 0
    for prediction, truth in maps(drawn)[::5]:
        if prediction.any() and truth.any():
            ends = [outline(m) * spacing for m in (prediction, truth)]
            apart = np.sqrt(((ends[0][:, None] - ends[1][None]) ** 2).sum(axis=2))
            sides = apart.min(axis=1), apart.min(axis=0)
            close(surface.hd95(prediction, truth, (1.5, 0.7)), max(np.quantile(s, 0.95) for s in sides), 1e-9)
            near = (np.concatenate(sides) <= 2).mean()
            close(surface.surface_dice(prediction, truth, 2.0, (1.5, 0.7)), near)
            compared += 1
    assert compared >= 50


@pytest.mark.parametrize("levels", [2, 5, 100, 10**9])
def test_curves_equal_scikit_learn_with_ties(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for _ in range(60):
        truth = rng.random(rng.integers(2, 400)) < rng.choice([0.02, 0.1, 0.5, 0.95])
        scores = np.round(rng.normal(size=truth.size) + 1.5 * truth, 12)
        scores = np.floor(scores * levels / 6) if levels < 10**9 else scores
        if not truth.any():
            assert np.isnan(curve.average_precision(scores, truth))
            continue
        close(curve.average_precision(scores, truth), sklearn.average_precision_score(truth, scores))
        if truth.all():
            assert np.isnan(curve.roc_auc(scores, truth))
            continue
        close(curve.roc_auc(scores, truth), sklearn.roc_auc_score(truth, scores))
        both = torch.from_numpy(scores), torch.from_numpy(truth.astype(np.int64))
        if levels == 10**9:  # torchmetrics takes a sigmoid of scores outside 0..1, which merges the extremes
            close(curve.roc_auc(scores, truth), torchmetrics.binary_auroc(*both).item(), atol=1e-6)


def test_roc_auc_equals_counting_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        scores, truth = rng.integers(0, 6, 30).astype(np.float32), rng.random(30) < 0.4
        above = scores[truth][:, None] > scores[~truth][None]
        equal = scores[truth][:, None] == scores[~truth][None]
        close(curve.roc_auc(scores, truth), (above + equal / 2).mean())
