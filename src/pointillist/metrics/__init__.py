"""The table of metrics: pure functions of a confusion matrix, of two outlines, or of scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pointillist.core.config import Names
from pointillist.metrics.confusion import accuracy, dice, iou, precision, sensitivity, specificity
from pointillist.metrics.curve import average_precision, roc_auc
from pointillist.metrics.surface import hd95, surface_dice


@dataclass(frozen=True)
class Metric:
    """A metric's line in the table.

    Args:
        function: what computes it.
        needs: its input: a confusion matrix, two bool maps, or scores and a bool map.
        higher_is_better: which way is up.
        meaning: what a number of it says, for tables and help.
    """

    function: Callable[..., Any]
    needs: Literal["confusion", "surface", "curve"]
    higher_is_better: bool
    meaning: str


METRICS = Names(
    "metric",
    {
        "dice": Metric(dice, "confusion", True, "twice the overlap over the sum of both areas"),
        "iou": Metric(iou, "confusion", True, "overlap over union"),
        "accuracy": Metric(accuracy, "confusion", True, "share of all pixels that are right"),
        "sensitivity": Metric(sensitivity, "confusion", True, "share of the true pixels that were found"),
        "specificity": Metric(specificity, "confusion", True, "share of the other pixels left alone"),
        "precision": Metric(precision, "confusion", True, "share of the predicted pixels that are right"),
        "hd95": Metric(hd95, "surface", False, "distance that 95 % of the outline keeps below"),
        "surface_dice": Metric(surface_dice, "surface", True, "share of the outline within the tolerance"),
        "roc_auc": Metric(roc_auc, "curve", True, "chance that a positive pixel scores above a negative one"),
        "average_precision": Metric(average_precision, "curve", True, "precision averaged over recall"),
    },
)
