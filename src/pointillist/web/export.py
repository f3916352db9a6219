"""What a project gives away: masks of all images, and all that was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray
from pointillist.data.draw import draw_overlay, palette_png, write_picture
from pointillist.train.device import find_device
from pointillist.train.evaluate import Trained, load_trained
from pointillist.web.live import Live
from pointillist.web.project import Project


def export(project: Project, live: Live, model: Path | None, folder: Path) -> tuple[int, list[str]]:
    """Write masks, overlays and annotations; give how many files, and the images that can't be read.

    Masks hold class indices, in the colours of the classes. A network's, where one was trained, else those
    of the pixels' classifier; where a person labelled a pixel, that label. Images of which nothing can be
    said get no mask. What an earlier export wrote is replaced, file by file.

    Args:
        project: its images and marks.
        live: the classifier.
        model: a finished run's folder; None: no network was trained.
        folder: masks/, overlays/ and annotations/ go into it, under the images' names.
    """
    trained = None if model is None else load_trained(model, find_device("auto", "cpu"))
    written, skipped = project.write_annotations(folder / "annotations"), []
    for name in project.names.values():
        try:
            sample = project.sample(name)
        except InputError:
            skipped.append(name)
            continue
        labels = _labels(sample, live) if trained is None else _by_network(trained, sample)
        if labels is None:
            continue
        labels = project.known(name, *labels.shape).over(labels)
        durable.write_bytes(folder / "masks" / f"{name}.png", palette_png(labels, project.data.colours))
        overlay = draw_overlay(sample.image, labels, project.data.colours)
        write_picture(folder / "overlays" / f"{name}.png", overlay)
        written += 2
    return written, skipped


def _by_network(trained: Trained, sample: Sample) -> MaskArray:
    labels: MaskArray = trained.probs_of(sample.image).argmax(0).astype(np.uint8)
    return labels


def _labels(sample: Sample, live: Live) -> MaskArray | None:
    found = live.segment(sample.name)
    if found is None:
        return None
    picture = Image.fromarray(found.labels)
    return np.array(picture.resize((sample.width, sample.height), Image.Resampling.NEAREST))
