"""How near the choice of weights without masks comes to the choice with them."""

from __future__ import annotations

from typing import Any

from cells import Cell, spread
from supervision_rows import (
    RUNS,
    SHORT_EPOCHS,
    Out,
    Root,
    Runs,
    Seeds,
    Workers,
    clicks,
    measured,
    seeded,
    tell,
)

from pointillist.annotate import AnyAnnotator, Boxes, Density
from pointillist.datasets import AnyDataset, Drive, Ph2, ToyScatter
from pointillist.losses import CrossEntropy
from pointillist.train.term import Term


def select(root: Root, seeds: Seeds = 1, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """How far below the choice with masks the one without stops; --root holds PH2Dataset and DRIVE."""
    settings: dict[str, tuple[AnyDataset, AnyAnnotator, dict[str, Any]]] = {
        "PH2, 5+5 clicks": (Ph2(root=root / "PH2Dataset"), clicks(5), {}),
        "DRIVE, .1 % of the pixels": (
            Drive(root=root / "DRIVE"),
            Density(probability=0.001),
            {"epochs": SHORT_EPOCHS},
        ),
        "PH2, boxes": (Ph2(root=root / "PH2Dataset"), Boxes(), {}),
        "toy-scatter, 5+5 clicks": (ToyScatter(train=200), clicks(5), {}),
    }
    rows = {}
    for name, (data, annotate, changes) in settings.items():
        plain = {"supervise": (Term(loss=CrossEntropy()),), "propagate": None, "teacher": None}
        if not isinstance(annotate, Boxes):  # Outside boxes lies background, and nothing else is labelled.
            rows[f"{name}, partial cross-entropy"] = seeded(data, annotate, **plain, **changes)
        rows[f"{name}, default recipe"] = seeded(data, annotate, **changes)
    lines = ["| | seeds | chosen by masks | by annotations | last | lost |", "|---|--:|--:|--:|--:|--:|"]
    for name, cells in measured(rows, seeds, runs, workers, "val").items():
        best, chosen, last = zip(*[_stops(cell) for cell in cells], strict=True)
        lost = spread([b - c for b, c in zip(best, chosen, strict=True)])
        lines.append(f"| {name} | {seeds} | {spread(best)} | {spread(chosen)} | {spread(last)} | {lost} |")
    about = (
        "Dice on the validation masks: of the epoch and the line (offset) that these masks would choose, of "
        "those that the validation images' annotations chose, and of the last epoch with its line. DRIVE: "
        f"{SHORT_EPOCHS} epochs."
    )
    tell("Which weights are kept", "select --root DIR", about, lines, out)


def _stops(cell: Cell) -> tuple[float, float, float]:
    """Give the Dice where masks choose epoch and line, where annotations do, and at the last epoch."""
    scored = [record for record in cell.history if "masks/dice" in record]
    chosen = {**[record for record in scored if record["kept"]][-1], **cell.line}
    return max(r["masks/best"] for r in (*scored, chosen)), chosen["masks/dice"], scored[-1]["masks/dice"]
