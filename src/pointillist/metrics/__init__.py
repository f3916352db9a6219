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
        hides: what it does not say.
    """

    function: Callable[..., Any]
    needs: Literal["confusion", "surface", "curve"]
    higher_is_better: bool
    meaning: str
    hides: str


METRICS = Names(
    "metric",
    {
        "dice": Metric(
            dice,
            "confusion",
            True,
            "twice the overlap over the sum of both areas",
            "where the errors lie; it is harsh on thin and small objects, lenient on large ones",
        ),
        "iou": Metric(
            iou,
            "confusion",
            True,
            "overlap over union",
            "as Dice; means over images may rank models differently",
        ),
        "accuracy": Metric(
            accuracy,
            "confusion",
            True,
            "share of all pixels that are right",
            "a rare class: predicting none of it may score .9",
        ),
        "sensitivity": Metric(
            sensitivity,
            "confusion",
            True,
            "share of the true pixels that were found",
            "what was invented: predicting the class everywhere gives 1",
        ),
        "specificity": Metric(
            specificity,
            "confusion",
            True,
            "share of the other pixels left alone",
            "nearly everything when the background is large; predicting nothing gives 1",
        ),
        "precision": Metric(
            precision, "confusion", True, "share of the predicted pixels that are right", "what was missed"
        ),
        "hd95": Metric(
            hd95,
            "surface",
            False,
            "distance that 95 % of the outline keeps below",
            "small objects, and how many pixels are wrong",
        ),
        "surface_dice": Metric(
            surface_dice,
            "surface",
            True,
            "share of the outline within the tolerance",
            "by how far the rest is off; errors of width in thin structures",
        ),
        "roc_auc": Metric(
            roc_auc,
            "curve",
            True,
            "chance that a positive pixel scores above a negative one",
            "the threshold that is used, and calibration",
        ),
        "average_precision": Metric(
            average_precision,
            "curve",
            True,
            "precision averaged over recall",
            "calibration; its floor is the share of the class",
        ),
    },
)
