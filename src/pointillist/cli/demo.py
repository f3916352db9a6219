"""`pointillist demo`: the whole path on drawn images, in about a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.annotate import Full, PointsAnnotator
from pointillist.cli.console import out, seconds
from pointillist.cli.evaluate import cost, supervision, write_measures
from pointillist.cli.progress import TrainingBar
from pointillist.cli.tables import print_comparison
from pointillist.cli.train import default_folder
from pointillist.core.text import typed
from pointillist.data.draw import write_picture
from pointillist.data.sheets import draw_row, panels
from pointillist.datasets import Synthetic
from pointillist.datasets.dataset import SPLITS
from pointillist.metrics.confusion import confusion_matrix, dice
from pointillist.metrics.summary import Summary
from pointillist.train.describe import describe_run
from pointillist.train.device import Device, find_device
from pointillist.train.evaluate import Trained, evaluate, load_trained
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.supervise import annotation_of

TITLES = ("image", "what was drawn", "prediction", "truth")


def demo_command(
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Where the results go.")] = Path(
        "pointillist-demo"
    ),
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the images.")] = 25,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
) -> None:
    """Draw images, simulate clicks, train on the clicks and on full masks, and compare."""
    device = find_device()
    data = Synthetic()
    annotators = (PointsAnnotator(positive=5, negative=5), Full())
    undone = [describe_run(data, annotate, None, seed, recipe="plain") for annotate in annotators]
    runs = [run.model_copy(update={"epochs": epochs}) for run in undone]
    out.print(
        f"{data.train} training images are drawn in memory; a simulated person clicks 5 times on each class "
        "of each, or outlines every lesion."
    )
    done = [
        (folder, _trained(run, folder, device)) for run in runs if (folder := default_folder(out_folder, run))
    ]
    rows: list[tuple[str, str, str, Summary]] = []
    for folder, trained in done:
        for split in SPLITS:
            results, summary = evaluate(trained, split)
            write_measures(folder, split, trained, results, summary, whole_image=False)
            rows.append((supervision(trained), cost(trained), split, summary))
    print_comparison(rows, "Means over images, drawn lesions")
    picture = out_folder / "demo.png"
    _draw(picture, done[0][1])
    first = done[0][0]
    out.print(f"Written: {picture} (look at it), and the runs beside it")
    out.print(f"Next:    pointillist evaluate {typed(first)} --details")
    out.print("         pointillist train --data folder --root YOUR_IMAGES --clicks 5")


def _trained(run: Run, folder: Path, device: Device) -> Trained:
    assert run.annotate is not None
    with TrainingBar(run.annotate.in_words(), quiet=not device.leads) as bar:
        train(run, folder, device, bar, Options())
    return load_trained(folder, device)


def _draw(path: Path, trained: Trained) -> None:
    """Draw a training image with the clicks that were learnt from, and a test image, which has none."""
    data = trained.run.data
    rows, captions = [], []
    for split in ("train", "test"):
        sample = data.read(data.names(split)[0])
        annotation = annotation_of(trained.run, sample)
        assert annotation is not None
        drawn = f"{seconds(annotation.seconds)} of clicking"
        if split == "test":  # The model sees none on new images.
            annotation, drawn = annotation.model_copy(update={"marks": ()}), "an unseen image: nothing"
        truth, prediction = sample.truth(), trained.predict(sample)
        rows.append(draw_row(sample.image, annotation, prediction, truth, data.colours))
        overlap = dice(confusion_matrix(prediction, truth, len(data.classes)))[1]
        captions.append((f"{split} image", drawn, "", f"Dice {overlap:.3f}"))
    write_picture(path, panels(rows, TITLES, captions))
