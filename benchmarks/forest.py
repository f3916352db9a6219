"""The feature forest on PH2: its Dice by clicks, features and classifier, and its speed on one large image.

    python benchmarks/forest.py --root DIR -o docs/results/forest.md

Settings were chosen on training and validation images. Nothing is trained but the pixel classifier and, for
the features named vae, an auto-encoder of the training images.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from cells import mean_dice

from pointillist.annotate import PointsAnnotator
from pointillist.core import durable
from pointillist.core.known import Known
from pointillist.core.sample import Sample
from pointillist.datasets import Ph2
from pointillist.metrics.confusion import confusion_matrix
from pointillist.models import imagenet
from pointillist.models.vae import Vae
from pointillist.propagate import FeatureForest
from pointillist.propagate.propagator import Features
from pointillist.train.features import pretrained_features, train_vae, vae_features

LARGE = (560, 768)


def recipes() -> list[tuple[str, int, FeatureForest]]:
    """List what is measured: in words, clicks of each class, recipe."""
    plain = FeatureForest()
    rows = [("filters", clicks, plain) for clicks in (1, 5, 20)]
    for kind in ("extra-trees", "logistic", "boosting"):
        rows.append((f"filters, {kind}", 5, FeatureForest(classifier=kind)))
    rows.append(("filters, not smoothed", 5, FeatureForest(smooth_px=0)))
    rows += [("filters and position", n, FeatureForest(position=True)) for n in (1, 5, 20)]
    for names in (("vae",), ("filters", "vae"), ("encoder",), ("filters", "encoder")):
        rows.append((" and ".join(names), 5, FeatureForest(features=names)))
    if not imagenet.available():
        rows = [row for row in rows if row[2].wants != "encoder"]
    return rows


def measure(
    data: Ph2,
    recipe: FeatureForest,
    clicks: int,
    seed: int,
    split: Sequence[Sample],
    features: Features | None,
) -> tuple[float, float, int]:
    """Train on the clicks; give the mean Dice, the seconds of training, and how far it smooths."""
    annotator = PointsAnnotator(positive=clicks, negative=clicks)
    examples = [
        (s.image, Known.from_annotation(annotator.annotate(s, data.classes, seed), s.height, s.width))
        for s in data.samples("train")
    ]
    start = time.process_time()
    spreader = recipe.prepare(examples, seed, features)
    taken = time.process_time() - start
    scores = []
    for sample in split:
        found = spreader.segment(sample.image)
        scores.append(mean_dice(confusion_matrix(found, sample.truth(), len(data.classes))))
    return float(np.mean(scores)), taken, spreader.smooth_px


def large_image_s(data: Ph2) -> float:
    """Time one image of 768 x 560 through the default recipe, after 5+5 clicks: processor seconds."""
    annotator = PointsAnnotator(positive=5, negative=5)
    examples = [
        (s.image, Known.from_annotation(annotator.annotate(s, data.classes, 0), s.height, s.width))
        for s in data.samples("train")
    ]
    spreader = FeatureForest(smooth_px=16).prepare(examples, seed=0)
    sample = Ph2(root=data.root, size=LARGE).read(data.names("test")[0])
    times = []
    for _ in range(5):
        start = time.process_time()
        spreader.segment(sample.image)
        times.append(time.process_time() - start)
    return min(times)


def main(
    root: Annotated[Path, typer.Option("--root")],
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 3,
    split: Annotated[str, typer.Option("--split", help="val to choose settings, test to report.")] = "test",
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Measure and print the table."""
    data = Ph2(root=root)
    samples = list(data.samples("test" if split == "test" else "val"))
    learned: dict[str | None, Features | None] = {None: None}
    start = time.process_time()
    network = train_vae(Vae(), [s.image for s in data.samples("train")], seed=0)
    vae_s = time.process_time() - start
    learned["vae"] = vae_features(network)
    if imagenet.available():
        learned["encoder"] = pretrained_features(channels=3)
    lines = []
    for words, clicks, recipe in recipes():
        found = [measure(data, recipe, clicks, n, samples, learned[recipe.wants]) for n in range(seeds)]
        dice = [score for score, _, _ in found]
        spread = f" ± {statistics.stdev(dice):.3f}" if seeds > 1 else ""
        radii = ", ".join(str(r) for r in sorted({r for _, _, r in found}))
        cells = [words, f"{clicks}+{clicks}", f"{statistics.mean(dice):.3f}{spread}"]
        cells += [f"{max(taken for _, taken, _ in found):.1f}", radii]
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    about = (
        f"{len(samples)} {split} images of 192 x 144; mean Dice over images, then mean ± standard deviation "
        f"over {seeds} seeds of the clicks on the 120 training images. Settings were chosen on validation "
        "images; the radius of the smoothing is chosen by each run itself, from its clicks. Times are "
        f"processor seconds with {torch.get_num_threads()} thread(s). One image of 768 x 560 takes "
        f"{large_image_s(data):.2f} s (features, classifier and smoothing). "
        f"The auto-encoder took {vae_s:.0f} s."
    )
    head = "| features | clicks | Dice | training, s | smoothing, px |\n|---|--:|--:|--:|--:|"
    text = "\n".join(
        ["# Feature forest on PH2", "", "`python benchmarks/forest.py --root DIR`", "", about, ""]
    )
    text += "\n" + "\n".join([head, *lines, ""])
    print(text)
    if out is not None:
        durable.write_text(out, text)


if __name__ == "__main__":
    typer.run(main)
