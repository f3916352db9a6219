"""What every propagator makes of clicks and boxes, alone, on the very images that were annotated: PH2.

    python benchmarks/propagators.py --root DIR [--sam mobile_sam.pt] -o docs/results/propagators.md

No network is trained. The images are the 40 test images; nothing was chosen on them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from cells import mean_dice, publish, spread

from pointillist.annotate import AnyAnnotator, Boxes, PointsAnnotator
from pointillist.core.known import Known
from pointillist.datasets import Ph2
from pointillist.metrics.confusion import confusion_matrix
from pointillist.propagate import (
    AnyPropagator,
    FeatureForest,
    FilledBox,
    Geodesic,
    Grabcut,
    RandomWalker,
    Refined,
    Superpixels,
)
from pointillist.propagate.sam import Sam
from pointillist.train.features import pretrained_features
from pointillist.train.recipe import CLICKS_SPREAD

CLICKS: Mapping[str, AnyAnnotator] = {
    f"{n}+{n} clicks": PointsAnnotator(positive=n, negative=n) for n in (1, 5, 20)
}
BOXES: Mapping[str, AnyAnnotator] = {"boxes": Boxes()}


def rows(sam: Path | None) -> list[tuple[str, AnyPropagator, str]]:
    """List what is measured: in words, propagator, annotation."""
    alone: dict[str, AnyPropagator] = {
        "random walker": RandomWalker(),
        "geodesic": Geodesic(),
        "superpixels": Superpixels(),
        "GrabCut": Grabcut(),
        "feature forest": FeatureForest(),
        "feature forest, boosting": FeatureForest(classifier="boosting"),
        "feature forest, ImageNet features": FeatureForest(features=("filters", "encoder")),
        "the same, cut along outlines": Refined(of=FeatureForest(features=("filters", "encoder"))),
        "feature forest, cut along outlines": Refined(of=FeatureForest()),
        "superpixels and the forest cut so (the default)": CLICKS_SPREAD,
    }
    boxed: dict[str, AnyPropagator] = {"filled box": FilledBox(), "GrabCut": Grabcut()}
    if sam is not None:
        alone["MobileSAM"] = boxed["MobileSAM"] = Sam(weights=sam)
    listed = [(name, how, drawn) for drawn in CLICKS for name, how in alone.items()]
    return listed + [(name, how, drawn) for drawn in BOXES for name, how in boxed.items()]


def measure(data: Ph2, how: AnyPropagator, annotate: AnyAnnotator, seed: int) -> tuple[float, float]:
    """Give the mean Dice of the likeliest classes, and the processor seconds of an image."""
    samples = list(data.samples("test"))
    drawn = [annotate.annotate(s, data.classes, seed) for s in samples]
    known = [Known.from_annotation(d, s.height, s.width) for d, s in zip(drawn, samples, strict=True)]
    start = time.process_time()
    whole = how.model_copy(update={"confidence": 0.0})
    features = pretrained_features(3) if whole.wants == "encoder" else None
    examples = [(s.image, k) for s, k in zip(samples, known, strict=True)]
    spreader = whole.prepare(examples, seed, features)
    scores = []
    for sample, told in zip(samples, known, strict=True):
        found = whole.propagate(spreader, sample.image, told).argmax(0).astype(np.uint8)
        scores.append(mean_dice(confusion_matrix(found, sample.truth(), len(data.classes))))
    return float(np.mean(scores)), (time.process_time() - start) / len(samples)


def main(
    root: Annotated[Path, typer.Option("--root")],
    sam: Annotated[Path | None, typer.Option("--sam", help="mobile_sam.pt; its rows need it.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 3,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Measure and print the table."""
    data = Ph2(root=root)
    lines = ["| propagator | from | Dice | s / image |", "|---|---|--:|--:|"]
    for name, how, drawn in rows(sam):
        found = [measure(data, how, {**CLICKS, **BOXES}[drawn], seed) for seed in range(seeds)]
        cost = statistics.mean(seconds for _, seconds in found)
        lines.append(f"| {name} | {drawn} | {spread([dice for dice, _ in found])} | {cost:.2f} |")
        print(lines[-1], flush=True)
    about = (
        f"40 test images of 192 x 144 and their own annotations, {seeds} seeds of these; mean Dice over "
        "images of the likeliest class at each pixel (no confidence asked). The forest learns from the "
        "clicks on all 40. Processor seconds."
    )
    command = "python benchmarks/propagators.py --root DIR --sam mobile_sam.pt"
    publish("PH2: propagators alone", command, about, lines, out)


if __name__ == "__main__":
    typer.run(main)
