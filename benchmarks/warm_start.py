"""Going on from the last network against training anew: how long, and how good, as marks come.

    python benchmarks/warm_start.py -o docs/results/warm_start.md

A folder of generated lesions is annotated in two rounds, by clicks at random places of each class. After the
first round the annotator's network is trained from the start; after the second it is trained twice on the
same marks, as "Train again as marks come" does it and as the button does it. Masks measure the test images
and never reach a training.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from annotator import overlap
from cells import publish
from serving import write_images

from pointillist.core.marks import Points
from pointillist.core.shapes import MaskArray
from pointillist.datasets import Synthetic
from pointillist.train.device import find_device
from pointillist.train.evaluate import load_trained
from pointillist.web.events import Add
from pointillist.web.project import Project
from pointillist.web.training import Training

SIZE = (72, 96)
TRAININGS = ("first, on half of the clicks", "anew", "going on from the first")


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Args:
        seconds: of the processor that its process took: others share this machine's cores.
        held_out: its best score on the validation images' clicks.
        dice: on the test images, by their masks.
    """

    seconds: float
    held_out: float
    dice: float


def click(project: Project, truths: dict[str, MaskArray], count: int, seed: int) -> None:
    """Click on random places of each class of every image that has a mask here."""
    for number, (name, truth) in enumerate(truths.items()):
        rng, events = np.random.default_rng((seed, number)), []
        for label in (0, 1) * count:
            places = np.argwhere(truth == label)
            row, col = places[rng.integers(len(places))]
            mark = Points(label=label, at=((float(row), float(col)),))
            events.append(Add(id=uuid.uuid4().hex, sequence=len(events), mark=mark))
        project.store.append(name, uuid.uuid4().hex, events).result()


def train(training: Training, begin: Callable[[], object], truths: dict[str, MaskArray]) -> Trained:
    """Train, wait for the end, and measure."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin()
    while training.running:
        time.sleep(0.2)
    training.close()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    assert training.model is not None
    trained = load_trained(training.model, find_device("auto", "cpu"))
    scores = [record["held_out/dice"] for record in trained.about["history"] if record.get("kept")]
    read = training.project.pictures.sample
    dice = [overlap(trained.probs_of(read(n).image).argmax(0), truth) for n, truth in truths.items()]
    return Trained(seconds, scores[-1], statistics.mean(dice))


def compare(home: Path, images: int, clicks: int, seed: int) -> list[Trained]:
    """Annotate and train in both ways."""
    data = Synthetic(size=SIZE, train=images, seed=seed)
    truths = write_images(home, data.samples("train"))
    project = Project(home)
    marked = {name: t for name, t in truths.items() if project.splits[name] != "test"}
    unseen = {name: t for name, t in truths.items() if name not in marked}
    training = Training(project, lambda _: None)
    click(project, marked, clicks, 2 * seed)
    first = train(training, training.start, unseen)
    click(project, marked, clicks, 2 * seed + 1)

    def again() -> None:
        training.again = True
        if not training.start_again():
            raise RuntimeError("no training began")

    goes_on = train(training, again, unseen)
    anew = train(training, training.start, unseen)
    project.store.close()
    return [first, anew, goes_on]


def main(
    images: Annotated[int, typer.Option("--images", min=10, help="A fifth are held out, a fifth test.")] = 30,
    clicks: Annotated[int, typer.Option("--clicks", min=1, help="On each class, in a round.")] = 2,
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 3,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Compare going on with training anew, over seeds."""
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as given:
            found.append(compare(Path(given) / "skin", images, clicks, seed))
            print(seed, found[-1], flush=True)
    lines = ["| training | processor s | held-out score | test Dice |", "|---|--:|--:|--:|"]
    for what, ran in zip(TRAININGS, zip(*found, strict=True), strict=True):
        seconds = " / ".join(f"{one.seconds:.0f}" for one in ran)
        held_out = " / ".join(f"{one.held_out:.3f}" for one in ran)
        lines.append(f"| {what} | {seconds} | {held_out} | {' / '.join(f'{one.dice:.3f}' for one in ran)} |")
    about = (
        f"{images} generated lesions of {SIZE[1]} x {SIZE[0]} pixels, {clicks} + {clicks} clicks at random "
        f"places on each image but the test images, then as many again; {seeds} seeds, their values side by "
        "side. The score is the estimated Dice on the validation images' clicks, by which weights are chosen."
    )
    publish("Going on from the last network", "python benchmarks/warm_start.py", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
