"""What a project gives away: masks of all images, and all that was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray
from pointillist.data.draw import draw_overlay, palette_png, write_picture
from pointillist.data.resample import resized
from pointillist.web.live import Live
from pointillist.web.project import Project


def export(project: Project, live: Live, folder: Path) -> tuple[int, list[str]]:
    """Write masks, overlays and annotations; give how many files, and the images that can't be read.

    Masks hold class indices, in the colours of the classes: of what is shown (the pixels' classifier, the
    network or both, whatever held-out marks found best), at the images' full size; where a person labelled a
    pixel, that label. Images of which nothing can be said get no mask. What an earlier export wrote is
    replaced, file by file.

    Args:
        project: its images and marks.
        live: what is shown.
        folder: masks/, overlays/ and annotations/ go into it, under the images' names.
    """
    written, skipped = project.write_annotations(folder / "annotations"), []
    for name in project.names.values():
        try:
            sample = project.sample(name)
        except InputError:
            skipped.append(name)
            continue
        labels = label_map(project, live, sample)
        if labels is None:
            continue
        durable.write_bytes(folder / "masks" / f"{name}.png", palette_png(labels, project.data.colours))
        overlay = draw_overlay(sample.image, labels, project.data.colours)
        write_picture(folder / "overlays" / f"{name}.png", overlay)
        written += 2
    return written, skipped


def label_map(project: Project, live: Live, sample: Sample) -> MaskArray | None:
    """Give an image's label map at its full size; None: nothing can be said of it."""
    network = live.network
    told = live.forest_probs(sample.name) if network is None or live.source != "network" else None
    answers = [] if told is None else [resized(told, sample.height, sample.width)]
    if network is not None and (live.source != "forest" or told is None):
        answers.append(network.trained.probs_of(sample.image))
    if not answers:
        return None
    labels: MaskArray = np.mean(answers, axis=0).argmax(0).astype(np.uint8)
    return project.known(sample.name, sample.height, sample.width).over(labels)
