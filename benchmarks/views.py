"""What it brings to ask a network about several sizes of an image: Dice, and the time of a prediction.

python benchmarks/views.py RUN... -o docs/results/views.md
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from cells import mean_dice, publish

from pointillist.metrics.confusion import confusion_matrix
from pointillist.train.evaluate import Trained, load_trained
from pointillist.train.predict import Views, predict_image

SCALES = ((1.0,), (1.0, 1.25), (1.0, 1.5))
"""What is compared; all with four mirror images."""


def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs.")],
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Score the validation images of finished runs at each choice of sizes."""
    head = " | ".join(f"at {' and '.join(f'{scale:g}' for scale in scales)}" for scales in SCALES)
    lines = [f"| learnt from | seed | {head} |", f"|---|--:|{'--:|' * len(SCALES)}"]
    for folder in folders:
        trained = load_trained(folder)
        told = " | ".join(cell(trained, scales) for scales in SCALES)
        lines.append(f"| {learnt_from(trained)} | {trained.run.seed} | {told} |")
    about = (
        "Mean Dice over the validation images, inside the field of view; in brackets the seconds of an image."
    )
    publish("Predictions at several sizes", "python benchmarks/views.py RUN...", about, lines, out)


def learnt_from(trained: Trained) -> str:
    """Name a run by its data and the annotator that made its labels."""
    how = trained.run.annotate
    facts = {} if how is None else how.model_dump(exclude={"kind", "jitter", "radius", "strategy"})
    said = ", ".join(f"{name} {value}" for name, value in facts.items())
    return f"{trained.run.data.kind}, {how.kind if how else 'annotations'} {said}".strip()


def cell(trained: Trained, scales: tuple[float, ...]) -> str:
    """Give the mean Dice, and the median time of a prediction."""
    dice, times = [], []
    for sample in trained.run.data.samples("val"):
        start = time.perf_counter()
        probs = predict_image(trained.network, sample.image, trained.device, views=Views(4, scales))
        times.append(time.perf_counter() - start)
        labels = probs.argmax(0).astype(np.uint8)
        dice.append(mean_dice(confusion_matrix(labels, sample.truth(), len(probs))))
    return f"{np.mean(dice):.4f} ({np.median(times):.1f})"


if __name__ == "__main__":
    typer.run(main)
