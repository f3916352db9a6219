"""Who writes the target: from a sample to its annotation, its label map and what that cost a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pointillist.core.annotation import Annotation, check_fits, read_annotation
from pointillist.core.raster import to_labels
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.train.run import Run


@dataclass(frozen=True, eq=False)
class Supervised:
    """A sample with what a learner is told about it.

    Args:
        sample: the image; its mask is not for the learner.
        labels: the annotation as a label map, uint8 (H, W), IGNORE where nothing is known.
        annotation: what was drawn; None for an image that nobody annotated.
    """

    sample: Sample
    labels: MaskArray
    annotation: Annotation | None

    @property
    def seconds(self) -> float | None:
        """What drawing it costs a person; None: nobody knows."""
        return self.annotation.seconds if self.annotation is not None else 0.0


def annotation_of(run: Run, sample: Sample) -> Annotation | None:
    """Give the annotation that a run trains on: from its folder, simulated, or the sample's own.

    A mask that came with the data is never shown unless the run's annotator draws it.

    Raises:
        InputError: the annotation belongs to another image, or names other classes.
    """
    if run.annotations is not None:
        path = run.annotations / f"{sample.name}.json"
        if not path.is_file():
            return None
        annotation = read_annotation(path)
        check_fits(annotation, sample.name, run.data.classes, sample.image, path)
        return annotation
    if run.annotate is None:
        return sample.annotation
    return run.annotate.annotate(sample, run.data.classes, run.seed) if sample.mask is not None else None


def supervised(run: Run, name: str) -> Supervised:
    """Read one sample with its label map; what lies outside the region of interest is unlabelled."""
    sample = run.data.read(name)
    annotation = annotation_of(run, sample)
    if annotation is None:
        labels = np.full((sample.height, sample.width), IGNORE, np.uint8)
    else:
        labels = to_labels(annotation, sample.height, sample.width)
    if sample.region is not None:
        labels = np.where(sample.region, labels, np.uint8(IGNORE))
    return Supervised(sample, labels, annotation)
