"""Who writes the target: from a sample to its annotation, what it tells and what that cost a person."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pointillist.annotate import Full
from pointillist.core.annotation import Annotation, check_fits, in_classes, read_annotation
from pointillist.core.known import Known
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, MaskArray, RegionArray
from pointillist.train.remembered import REMEMBERED
from pointillist.train.run import Run

MOST_VOID = 0.5
"""Of what counts in an image: a mask that is void in more of it is a label map with gaps."""


@dataclass(frozen=True, eq=False)
class Supervised:
    """A sample with what a learner is told about it.

    Args:
        sample: the image; its mask is not for the learner.
        known: what the annotation says; nothing is labelled outside the region of interest.
        annotation: what was drawn; None for an image that nobody annotated.
        region: where anything is to be learnt of it: in its region of interest, and of a mask that was drawn
            not where it is void; None: everywhere.
        bounds_alone: nothing is known of it but the run's bounds on sizes, which hold for all images alike.
    """

    sample: Sample
    known: Known
    annotation: Annotation | None
    region: RegionArray | None = None
    bounds_alone: bool = False

    @property
    def bare(self) -> bool:
        """Whether nobody drew or said anything of this image."""
        return self.bounds_alone or self.known.empty

    @property
    def labels(self) -> MaskArray:
        """The annotation as a label map, uint8 (H, W), IGNORE where nothing is known."""
        return self.known.labels

    @property
    def inside(self) -> RegionArray:
        """Where anything is to be learnt, bool (H, W)."""
        return np.ones_like(self.labels, bool) if self.region is None else self.region

    @property
    def seconds(self) -> float | None:
        """What drawing it costs a person; None: nobody knows."""
        return self.annotation.seconds if self.annotation is not None else 0.0


def annotation_of(run: Run, sample: Sample) -> Annotation | None:
    """Give the annotation that a run trains on: from its folder, simulated, or the sample's own.

    A mask that came with the data is never shown unless the run's annotator draws it, or the run says that
    masks stand in where an annotation is missing.

    Raises:
        InputError: the annotation belongs to another image, or names other classes.
    """
    annotation = sample.annotation
    if run.annotations is not None:
        path = run.annotations / f"{sample.name}.json"
        annotation = None
        if path.is_file():
            annotation = in_classes(read_annotation(path), run.data.classes)
            check_fits(annotation, sample.name, run.data.classes, sample.drawn_sizes, path)
    elif run.annotate is not None:
        has_mask = sample.mask is not None
        return run.annotate.annotate(sample, run.data.classes, run.seed) if has_mask else None
    if annotation is None and run.use_masks and sample.mask is not None:
        return Full().annotate(sample, run.data.classes, run.seed)
    return annotation


def may_be_annotated(run: Run, name: str) -> bool:
    """Say by an image's files alone, before any is decoded, whether `annotation_of` may give anything."""
    entry = run.data.entry(name)
    if run.annotations is not None:
        drawn = (run.annotations / f"{name}.json").is_file()
    elif run.annotate is not None:
        return entry.is_masked
    else:
        drawn = entry.is_annotated
    return drawn or (run.use_masks and entry.is_masked)


def supervised(run: Run, name: str) -> Supervised:
    """Read one sample with what is known about it; what lies outside the region of interest is unlabelled."""
    sample = REMEMBERED.read(run.data, name)
    annotation = annotation_of(run, sample)
    if annotation is None:
        known = Known.nothing(len(run.data.classes), sample.height, sample.width)
    else:
        known = Known.from_annotation(annotation, sample.height, sample.width)
    if sample.region is not None:
        known = replace(known, labels=np.where(sample.region, known.labels, np.uint8(IGNORE)))
    region, bare = _region(run, sample, known.labels), known.empty
    if run.sizes is not None:
        known = replace(known, sizes=run.sizes.narrow(known))
    return Supervised(sample, known, annotation, region, bounds_alone=bare and not known.empty)


def _region(run: Run, sample: Sample, labels: MaskArray) -> RegionArray | None:
    """Leave out where a mask is void that was drawn as it is: there is no truth that could be learnt.

    Marks that show less of a mask must not tell where it is void.
    """
    if sample.mask is None or run.data.gaps_in_masks or not np.array_equal(labels, sample.truth()):
        return sample.region
    drawn = labels != IGNORE
    inside = drawn.size if sample.region is None else int(sample.region.sum())
    return drawn if inside * MOST_VOID <= drawn.sum() < inside else sample.region
