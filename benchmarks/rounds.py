"""What each round of relabelling brings: its labels, what chooses among the rounds, and the segmentation.

python benchmarks/rounds.py RUN... -o docs/results/box_rounds.md
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from cells import mean_dice, publish, spread

from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.metrics.confusion import confusion_matrix
from pointillist.train.evaluate import load_trained, results
from pointillist.train.run import Run
from pointillist.train.spread import read_soft, spread_seeds
from pointillist.train.store import read_model, read_run
from pointillist.train.supervise import supervised


def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs with `relabel`.")],
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Score every round of finished runs on the test images, runs that differ by their seed together."""
    found: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    kept: dict[tuple[str, int], int] = {}
    for folder in folders:
        start = begins_with(folder)
        best = read_model(folder)[1]["round"]
        for number in range(len(list(folder.glob("round-*")))):
            found.setdefault((start, number), []).append(scores(folder / f"round-{number}"))
            kept[start, number] = kept.get((start, number), 0) + (number == best)
    lines = [
        "| first labels | round | runs | labelled | labels' Dice | held out | test Dice | kept by |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (start, number), values in found.items():
        told = " | ".join(spread(column) for column in zip(*values, strict=True))
        lines.append(f"| {start} | {number} | {len(values)} | {told} | {kept[start, number]} |")
    about = (
        "Labelled: share of the training images' pixels that the round learnt from. Labels' Dice: of those, "
        "among labelled pixels. Held out: agreement with the validation images' annotations, by which "
        "the kept round is chosen and the rounds end. Test: mean Dice over images. Mean ± standard deviation "
        "over runs that had this round."
    )
    publish("Relabelling, round by round", "python benchmarks/rounds.py RUN...", about, lines, out)


def begins_with(folder: Path) -> str:
    """Name what spread the first round's labels."""
    spreads = read_run(folder).propagate
    return "as drawn" if spreads is None else spreads.kind


def scores(folder: Path) -> tuple[float, ...]:
    """Give the labelled share, the labels' Dice, the held-out score and the test Dice of one round."""
    run = read_run(folder)
    labels = learnt_from(run)
    truths = {sample.name: sample.truth() for sample in run.data.samples("train")}
    history = read_model(folder)[1]["history"]
    held_out = max(record["held_out/dice"] for record in history if "held_out/dice" in record)
    labelled = float(np.mean([np.mean(map_ != IGNORE) for map_ in labels.values()]))
    trained = load_trained(folder)
    test = float(np.mean([mean_dice(result.matrix) for result in results(trained, "test")]))
    return labelled, labels_dice(labels, truths, len(run.data.classes)), held_out, test


def learnt_from(run: Run) -> dict[str, MaskArray]:
    """Give the label maps that a run learns from, spread as it spreads them; IGNORE where nothing is said."""
    names = run.data.names("train")
    maps = {}
    with tempfile.TemporaryDirectory() as given:
        folder = spread_seeds(run, names, Path(given), print)
        for name in names:
            item = supervised(run, name)
            soft = None if folder is None else read_soft(folder, item)
            if soft is None:
                maps[name] = item.labels
            else:
                probs = soft.numpy()
                maps[name] = np.where(probs.any(0), probs.argmax(0), IGNORE).astype(np.uint8)
    return maps


def labels_dice(labels: Mapping[str, MaskArray], truths: Mapping[str, MaskArray], classes: int) -> float:
    """Average over images how well labels meet the masks where there are labels."""
    each = []
    for name, truth in truths.items():
        known = np.where(labels[name] == IGNORE, np.uint8(IGNORE), truth)
        matrix = confusion_matrix(labels[name], known, classes)
        if matrix.sum() > matrix[0, 0]:  # Else neither shows an object.
            each.append(mean_dice(matrix))
    return float(np.mean(each))


if __name__ == "__main__":
    typer.run(main)
