"""The tutorial's toys, and the share of the pixels that is labelled."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from cells import Cell, against_full
from supervision_rows import (
    RUNS,
    Out,
    Root,
    Runs,
    Seeds,
    Workers,
    changed,
    measured,
    seeded,
    table,
    tell,
)

from pointillist.annotate import Density, Full, PointsAnnotator, Several, SizeRanges
from pointillist.datasets import AnyDataset, Ph2, Synthetic, Toy, Toy2, ToyScatter
from pointillist.losses import CrossEntropy, Dice, Size
from pointillist.models import Unet
from pointillist.train.bounds import SizeBounds
from pointillist.train.run import Run
from pointillist.train.term import Term


def toys(seeds: Seeds = 3, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """The tutorial's discs and our stars: one click's disc, with and without a size, and full masks."""
    lines = []
    for title, data, schedule, k in _toys():
        base = Run(data=data, **schedule)
        rows = {name: changed(base, changes) for name, changes in _sizes(data, k).items()}
        lines += [f"## {title}", "", *table(rows, seeds, runs, workers, "val"), ""]
    about = (
        "Dice on the validation images, as the tutorial measures. Its own without size, with exact sizes, "
        "with full masks: TOY .428 / .989 / .997; TOY2 cut to 100 / 50 images .264 / .654 / .936."
    )
    tell("Toys: one dot and a size", "toys", about, lines, out)


def _toys() -> Sequence[tuple[str, AnyDataset, dict[str, Any], int]]:
    # One dot and a size allow many answers; what a shallow network can see, the grey level, is the right one.
    shallow = {"batch": 1, "model": Unet(widths=(16,))}
    return (
        ("TOY, 10 / 10 images, a shallow network", Toy(), {**shallow, "epochs": 200}, 1),
        (
            "TOY2, 100 / 50 images, a shallow network",
            Toy2(train=100, val=50),
            {**shallow, "epochs": 16, "learning_rate": 5e-3},
            5,
        ),
        ("toy-scatter, 200 / 20 images", ToyScatter(train=200), {"model": Unet(widths=(8, 16, 32, 64))}, 5),
    )


def _sizes(data: AnyDataset, k: int) -> dict[str, dict[str, Any]]:
    dot = PointsAnnotator(positive=1, negative=0, strategy="centre", radius=5)
    ce = Term(loss=CrossEntropy())
    sized = (ce, Term(loss=Size(), weight=100.0))
    masks = [data.read(name).truth() for name in data.names("train")[:k]]
    bounds = SizeBounds.from_masks(masks, len(data.classes))
    return {
        "full masks": {"annotate": Full(), "supervise": (ce, Term(loss=Dice()))},
        "one dot": {"annotate": dot, "supervise": (ce,)},
        f"one dot, the range of {k} masks": {"annotate": dot, "supervise": sized, "sizes": bounds},
        "one dot, guessed ranges": {"annotate": Several(of=(dot, SizeRanges())), "supervise": sized},
        "one dot, exact ranges (oracle)": {
            "annotate": Several(of=(dot, SizeRanges(error=0, slack=0.1))),
            "supervise": sized,
        },
    }


def density(root: Root, seeds: Seeds = 2, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """1, 5, 10 and 100 % of the pixels, on PH2 and on generated aerial tiles: share of the full result."""
    lines = []
    shares = {"full masks": None, "10 %": 0.1, "5 %": 0.05, "1 %": 0.01}
    for title, data in (("PH2", Ph2(root=root)), ("generated aerial tiles", Synthetic(scene="aerial"))):
        rows = {n: seeded(data, Full() if s is None else Density(probability=s)) for n, s in shares.items()}
        cells = measured(rows, seeds, runs, workers)
        ious = {name: statistics.mean(map(_iou, found)) for name, found in cells.items()}
        said = ", ".join(f"{name} {iou / ious['full masks']:.3f}" for name, iou in ious.items())
        shares_of_it = f"Full masks: IoU {ious['full masks']:.3f}. Shares of it: {said}."
        lines += [f"## {title}", "", *against_full(cells, "full masks", {}), "", shares_of_it, ""]
    about = (
        "The paper's shares of its full result (IoU .789): .837 at 1 %, .963 at 5 %, .976 at 10 %. Dice and "
        "IoU are means over the test images."
    )
    tell("Label density", "density --root DIR", about, lines, out)


def _iou(cell: Cell) -> float:
    """Mean IoU over the images, of a single foreground class."""
    return statistics.mean(dice / (2 - dice) for dice in cell.dice)
