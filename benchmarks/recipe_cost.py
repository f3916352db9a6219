"""What the default recipe costs: a training step against a plain one, and a forest's answer on one image.

python benchmarks/recipe_cost.py --root DIR -o docs/results/recipe_cost.md
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
import typer
from cells import publish

from pointillist.annotate import AnyAnnotator, Density, PointsAnnotator
from pointillist.core.known import Known
from pointillist.data.resample import resample
from pointillist.datasets import AnyDataset, Drive, Ph2
from pointillist.losses import CrossEntropy
from pointillist.propagate import FeatureForest
from pointillist.train.describe import describe_run
from pointillist.train.device import find_device
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.run import Run
from pointillist.train.spread import spread_seeds
from pointillist.train.supervise import supervised
from pointillist.train.term import Term


def step_of(run: Run, folder: Path) -> Callable[[], None]:
    """Give a function that takes one step of a run."""
    device = find_device(run.precision)
    names = run.data.names("train")[:16]
    spread = spread_seeds(run, names, folder, lambda _: None)
    feed = Feed(run, names, device, spread=spread)
    learner = Learner(run, feed, device)
    batches = list(feed.epoch(0))
    return lambda: learner.step(batches[learner.step_number % len(batches)]) and None


def cost_of(data: AnyDataset, annotate: AnyAnnotator, rounds: int) -> tuple[float, float, list[float]]:
    """Interleave steps of the plain run and of the default recipe: medians in seconds, each round's ratio."""
    recipe = describe_run(data, annotate, None, 0).model_copy(update={"relabel": None})
    plain = recipe.model_copy(
        update={"supervise": (Term(loss=CrossEntropy()),), "propagate": None, "teacher": None}
    )
    with TemporaryDirectory() as folder:
        steps = {name: step_of(run, Path(folder)) for name, run in (("plain", plain), ("recipe", recipe))}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(rounds + 2):
            for name, step in steps.items():
                start = time.perf_counter()
                for _ in range(4):
                    step()
                if number >= 2:  # The first rounds warm up.
                    times[name].append((time.perf_counter() - start) / 4)
    ratios = [r / p for r, p in zip(times["recipe"], times["plain"], strict=True)]
    return statistics.median(times["plain"]), statistics.median(times["recipe"]), ratios


def main(
    root: Annotated[Path, typer.Option("--root", help="Of both data sets.")],
    rounds: Annotated[int, typer.Option("--rounds", min=1)] = 12,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Compare steps on broad things and on thin ones, then time the forest."""
    ph2 = root / "PH2Dataset"
    sets: dict[str, tuple[AnyDataset, AnyAnnotator]] = {
        "PH2, 5+5 clicks": (Ph2(root=ph2), PointsAnnotator()),
        "DRIVE, .1 % of the pixels": (Drive(root=root / "DRIVE"), Density(probability=0.001)),
    }
    lines = [
        "| learnt from | plain step, ms | recipe's, ms | ratio | of single rounds |",
        "|---|--:|--:|--:|---|",
    ]
    for name, (data, annotate) in sets.items():
        plain, recipe, ratios = cost_of(data, annotate, rounds)
        told = f"{statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(f"| {name} | {1000 * plain:.0f} | {1000 * recipe:.0f} | {told} |")
    lines += ["", f"A feature forest labels one image of 768 x 560 pixels in {forest_s(ph2):.2f} s."]
    about = (
        f"{torch.get_num_threads()} threads; batch, crop, network and precision of the default recipe; "
        f"a plain step is its cross-entropy alone; steps interleaved in one process, {rounds} rounds."
    )
    publish("Cost of the default recipe", "python benchmarks/recipe_cost.py --root DIR", about, lines, out)


def forest_s(root: Path) -> float:
    """Time a forest of filters, trained on 5+5 clicks of all training images, on one large image."""
    run = Run(data=Ph2(root=root), annotate=PointsAnnotator())
    items = [supervised(run, name) for name in run.data.names("train")]
    spreader = FeatureForest().prepare([(item.sample.image, item.known) for item in items], 0)
    large = resample(Ph2(root=root, size=None).read(run.data.names("test")[0]), (560, 768)).image
    known = Known.nothing(2, 560, 768)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        assert np.isfinite(spreader(large, known)).all()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    typer.run(main)
