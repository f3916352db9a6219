"""What a project gives away: masks of all images, and all that was drawn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pointillist.core import durable
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.data.draw import draw_overlay, write_picture
from pointillist.train.device import find_device
from pointillist.train.evaluate import load_trained
from pointillist.web.live import Live
from pointillist.web.project import Project


def export(project: Project, live: Live, model: Path | None, folder: Path) -> int:
    """Write a mask and an overlay of every image and the annotations that there are; say how many files.

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
    written = project.write_annotations(folder / "annotations")
    for name in project.names.values():
        sample = project.sample(name)
        if trained is not None:
            labels = trained.probs_of(sample.image).argmax(0).astype(np.uint8)
        elif (found := live.segment(name)) is not None:
            picture = Image.fromarray(found.labels)
            labels = np.array(picture.resize((sample.width, sample.height), Image.Resampling.NEAREST))
        else:
            continue
        labels = _corrected(project, name, labels)
        durable.write_bytes(folder / "masks" / f"{name}.png", _mask(labels, project.data.colours))
        overlay = draw_overlay(sample.image, labels, project.data.colours)
        write_picture(folder / "overlays" / f"{name}.png", overlay)
        written += 2
    return written


def _corrected(project: Project, name: str, labels: MaskArray) -> MaskArray:
    annotation = project.annotation(name)
    if annotation is None:
        return labels
    drawn = Known.from_annotation(annotation, *labels.shape).labels
    corrected: MaskArray = np.where(drawn == IGNORE, labels, drawn)
    return corrected


def _mask(labels: MaskArray, colours: tuple[tuple[int, int, int], ...]) -> bytes:
    picture = Image.fromarray(labels, mode="P")
    picture.putpalette([value for colour in colours for value in colour])
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return buffer.getvalue()
