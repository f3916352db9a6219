"""A folder data set of a run's images and annotations, with painted ones among those to train on."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float
from PIL import Image

from pointillist.core import durable
from pointillist.core.annotation import Annotation, of_one_shape, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Dense
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, AnyImage, MaskArray, RegionArray
from pointillist.data.declaration import FILE_NAME
from pointillist.data.draw import write_picture
from pointillist.data.sheets import contact_sheet
from pointillist.data.split import SPLITS, Split
from pointillist.train.generate import Painted
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, supervised

SHOWN = 24
"""Painted images on the contact sheet."""


def claim(folder: Path) -> None:
    """Make a new folder; refuse what is a file, holds something or can't be written, before time is spent."""
    if folder.exists() and not folder.is_dir():
        raise InputError("the folder must be empty or new", "a file", "Name another.", folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError("the folder must be empty or new", "something in it", "Name another.", folder)
    durable.write_text(folder / FILE_NAME, "")
    (folder / FILE_NAME).unlink()


def check_shapes(items: Sequence[Supervised]) -> None:
    """Refuse images in another shape than they were annotated in: their marks go into the folder as they are.

    Raises:
        InputError: one has another shape.
    """
    for item in items:
        drawn, image = item.annotation, item.sample
        if drawn is not None and not of_one_shape(drawn, image.height, image.width):
            must = "images must keep the shape in which they were annotated"
            found = f"{image.name} of {drawn.height} x {drawn.width} pixels at {image.height} x {image.width}"
            raise InputError(must, found, "Give another --size, such as 'native'.")


def write_generated(folder: Path, run: Run, painted: Sequence[Painted], confidence: float = 0.9) -> None:
    """Write a run's images in their splits, and painted ones beside those to train on.

    Training and validation images come with their annotations, validation and test images with their masks
    where they have one: what a training or a measurement of the run would read, and nothing more. A painted
    image has the region of interest and the group of the one that it was painted from.

    Args:
        folder: empty or new.
        run: its data and annotations.
        painted: from `generate`, given the images that the run trains on.
        confidence: a pixel of a painted image whose likeliest class is less probable is left unlabelled.

    Raises:
        InputError: the folder holds something, or the images have neither 1 nor 3 channels.
    """
    claim(folder)
    groups = {entry.name: entry.group for entry in run.data.entries}
    regions = {
        name: _write_real(folder / split, run, name, split)
        for split in SPLITS
        for name in run.data.names(split)
    }
    names = run.data.names("train")
    free = (name for number in count() if (name := f"generated-{number:05}") not in groups)
    for one, name in zip(painted, free, strict=False):
        source = names[one.source]
        groups[name] = groups[source]
        _write_painted(folder / "train", name, one, regions[source], run.data.classes, confidence)
    _declare(folder, run, groups)
    _draw(folder / "painted.png", painted, run, confidence)


def _declare(folder: Path, run: Run, groups: Mapping[str, str]) -> None:
    classes = run.data.classes
    codes = {str(label): name for label, name in enumerate(classes)}
    declared = {
        "classes": list(classes),
        "codes": {**codes, str(IGNORE): "void"},
        "colours": [list(colour) for colour in run.data.colours],
        "groups": "groups.csv",
    }
    with durable.replacing(folder / "groups.csv") as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows(groups.items())
    durable.write_text(folder / FILE_NAME, yaml.safe_dump(declared))


def _draw(path: Path, painted: Sequence[Painted], run: Run, confidence: float) -> None:
    shown = [
        Sample(f"generated {number}", one.image, sure_labels(one.probs, confidence), group="")
        for number, one in enumerate(painted[:SHOWN])
    ]
    if shown:
        write_picture(path, contact_sheet(shown, run.data.colours))


def sure_labels(probs: Float[np.ndarray, "k h w"], confidence: float) -> MaskArray:
    """Give the likeliest class where it is probable enough, else IGNORE.

    >>> sure_labels(np.array([[[0.95, 0.6]], [[0.05, 0.4]]], np.float32), 0.9).tolist()
    [[0, 255]]
    """
    likeliest: MaskArray = probs.argmax(0).astype(np.uint8)
    return np.where(probs.max(0) >= confidence, likeliest, np.uint8(IGNORE))


def _write_real(folder: Path, run: Run, name: str, split: Split) -> RegionArray | None:
    """Write an image with what belongs to it, and give its region of interest."""
    item = supervised(run, name)
    sample = item.sample
    _write_image(folder / "images" / f"{name}.png", sample.image)
    if split != "test" and item.annotation is not None:
        check_shapes([item])
        write_annotation(folder / "annotations" / f"{name}.json", item.annotation)
    if split != "train" and sample.mask is not None:
        _write_levels(folder / "masks" / f"{name}.png", sample.mask)
    if sample.region is not None:
        _write_levels(folder / "regions" / f"{name}.png", sample.region.astype(np.uint8))
    return sample.region


def _write_painted(
    folder: Path,
    name: str,
    painted: Painted,
    region: RegionArray | None,
    classes: tuple[str, ...],
    confidence: float,
) -> None:
    _write_image(folder / "images" / f"{name}.png", painted.image)
    labels = sure_labels(painted.probs, confidence)
    if region is not None:
        # The head has seen no label outside it.
        labels = np.where(region, labels, np.uint8(IGNORE))
        _write_levels(folder / "regions" / f"{name}.png", region.astype(np.uint8))
    # Nobody drew it: the clicks that the head learnt from were paid for once.
    annotation = Annotation(
        name=name,
        height=labels.shape[0],
        width=labels.shape[1],
        classes=classes,
        marks=(Dense.from_map(labels),),
        annotator="simulated",
        seconds=0.0,
    )
    write_annotation(folder / "annotations" / f"{name}.json", annotation)


def _write_image(path: Path, image: AnyImage) -> None:
    if len(image) not in (1, 3):
        fix = "Choose data of grey or RGB images."
        raise InputError("an image to be written must have 1 or 3 channels", str(len(image)), fix, path)
    levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    _write_levels(path, levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _write_levels(path: Path, levels: np.ndarray) -> None:
    with durable.replacing(path) as temporary:
        Image.fromarray(levels).save(temporary, format="PNG")
