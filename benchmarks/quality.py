"""Test quality on real data: full masks against clicks, several seeds, with their spread.

    python benchmarks/quality.py ph2 --root DIR -o docs/results/ph2.md
    python benchmarks/quality.py drive --root DIR -o docs/results/drive.md

Runs are kept under --runs and picked up where they stopped. Weights are chosen on the validation images
(their masks for full masks, their clicks for clicks), never on the test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from cells import publish, spread

from pointillist.annotate import AnyAnnotator, Full, PointsAnnotator
from pointillist.cli.progress import TrainingBar
from pointillist.cli.train import default_folder
from pointillist.datasets import AnyDataset, Drive, Ph2
from pointillist.metrics.summary import Summary
from pointillist.train.describe import describe_run
from pointillist.train.device import find_device
from pointillist.train.evaluate import evaluate, load_trained
from pointillist.train.loop import Options, train

app = typer.Typer(add_completion=False)

Root = Annotated[Path, typer.Option("--root")]
Seeds = Annotated[int, typer.Option("--seeds", min=1)]
Runs = Annotated[Path, typer.Option("--runs")]
Out = Annotated[Path | None, typer.Option("--out", "-o")]
PER_IMAGE = ("dice_per_image", "iou_per_image", "sensitivity_per_image", "specificity_per_image")


def measure(
    data: AnyDataset, annotators: Sequence[AnyAnnotator], seeds: int, runs: Path, metrics: Sequence[str]
) -> list[str]:
    """Train and measure every annotator with every seed; one line of the table for each annotator."""
    device = find_device()
    lines = []
    for annotate in annotators:
        summaries: list[Summary] = []
        times, costs = [], []
        for seed in range(seeds):
            run = describe_run(data, annotate, None, seed, recipe="plain")
            folder = default_folder(runs, run)
            with TrainingBar(f"{annotate.in_words()}, seed {seed}") as bar:
                train(run, folder, device, bar, Options(save_every_s=120))
            trained = load_trained(folder, device)
            _, summary = evaluate(trained, "test")
            summaries.append(summary)
            times.append(trained.about["environment"]["train_s"])
            costs.append(trained.seconds_per_image)
            print(annotate.in_words(), seed, [summary.row(m).value for m in metrics], f"{times[-1]:.0f} s")
        values = [spread([s.row(metric).value or 0.0 for s in summaries]) for metric in metrics]
        row = [annotate.in_words(), f"{costs[0]:.1f}", str(seeds), *values, f"{max(times):.0f}"]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def tell(
    title: str, command: str, about: str, metrics: Sequence[str], lines: list[str], out: Path | None
) -> None:
    """Print the table, and write it when asked."""
    head = ["learnt from", "s / image", "seeds", *metrics, "longest run, s"]
    table = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}", *lines]
    publish(title, command, about, table, out)


@app.command()
def ph2(root: Root, seeds: Seeds = 3, runs: Runs = Path("runs/quality"), out: Out = None) -> None:
    """PH2 at 192 x 144: full masks, and 5+5 random clicks with partial cross-entropy."""
    metrics = (*PER_IMAGE, "accuracy_per_image", "hd95_per_image", "roc_auc")
    annotators: tuple[AnyAnnotator, ...] = (Full(), PointsAnnotator(positive=5, negative=5))
    lines = measure(Ph2(root=root), annotators, seeds, runs, metrics)
    about = (
        "40 test images of 120 / 40 / 40; means over images, then mean ± standard deviation over seeds. "
        "U-Net 16..256, 40 epochs, `pointillist train --data ph2 --recipe plain`: cross-entropy and Dice on "
        "full masks, plain partial cross-entropy on clicks. Settings were chosen on validation images."
    )
    tell("PH2", "python benchmarks/quality.py ph2 --root DIR", about, metrics, lines, out)


@app.command()
def drive(root: Root, seeds: Seeds = 2, runs: Runs = Path("runs/quality"), out: Out = None) -> None:
    """DRIVE at full size, inside the field of view: full masks."""
    metrics = (*PER_IMAGE, "accuracy_per_image", "roc_auc", "average_precision")
    lines = measure(Drive(root=root), (Full(),), seeds, runs, metrics)
    about = (
        "The 20 official test images, inside the field of view; means over images (ROC AUC and "
        "average precision: pooled), then mean ± standard deviation over seeds. 16 training and 4 validation "
        "images, cross-entropy and Dice, `pointillist train --data drive --recipe plain`."
    )
    tell("DRIVE", "python benchmarks/quality.py drive --root DIR", about, metrics, lines, out)


if __name__ == "__main__":
    app()
