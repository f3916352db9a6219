"""A run: one training, completely described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pointillist.annotate import AnyAnnotator, Full
from pointillist.core.config import Config, refused
from pointillist.data.augment import Augment
from pointillist.datasets import AnyDataset
from pointillist.losses import CrossEntropy
from pointillist.models import AnyModel, Unet
from pointillist.propagate import AnyPropagator
from pointillist.train.bounds import SizeBounds
from pointillist.train.relabel import Relabel
from pointillist.train.teacher import AnyTeacher
from pointillist.train.term import Term

Precision = Literal["auto", "float32", "bfloat16"]
Selection = Literal["held-out", "masks", "last"]


class Start(Config):
    """The weights of a finished run, from which another training starts.

    Args:
        run: the folder of the finished run, of the same model, classes and image channels.
        sha256: of its ``model/model.safetensors``. Weights of another hash are refused, so that a folder
            that was trained again since never passes for the one that is meant.
    """

    run: Path
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


Scale = Annotated[float, Field(ge=0.25, le=4)]


class Run(Config):
    """Everything that decides what a training gives.

    On one machine two equal runs give equal weights: to the bit on a CPU with as many threads; a GPU adds in
    any order.

    Args:
        data: where images and masks come from.
        annotate: simulates the annotations of the training and validation images from their masks; None:
            the annotations that came with the data, and no masks.
        annotations: a folder of annotation files, by sample name, used in place of `annotate`.
        use_masks: learn from the masks of images that have no annotation in `annotations` or with the data.
        sizes: bounds on the classes' areas in all images, beside what each annotation tells of them.
        propagate: spreads what is known of each training image before training, as soft labels, which a term
            must read; None: not.
        teacher: writes soft labels while training, which a term must read; None: nobody.
        relabel: train again on the run's own sure predictions; None: once is enough.
        model: the network's recipe.
        start: the trained weights to start from, with the normalisation that they were trained with; on the
            validation images they compete with those that come of them. None: the model's own.
        supervise: the terms of the loss, summed.
        augment: how training images vary.
        crop: side of the training crops in pixels; None: whole images.
        crops_per_image: how many crops an epoch takes from each image.
        epochs: passes over the training images.
        batch: images (or crops) in a step, over all devices together.
        learning_rate: of AdamW at its peak; it rises over the first twentieth and falls as a cosine to 0.
        weight_decay: of AdamW.
        average: decay of the moving average of the weights, which is what is kept and used; 0: none.
        clip: largest norm of the gradient.
        select: which weights are kept: those that did best on the validation images' annotations, made as
            the training's are ("held-out", needs no masks beyond them); on their masks (a hidden cost of
            annotation under weak supervision: "masks"); or the last.
        precision: of the forward pass; "auto" takes bfloat16 where the processor computes in it.
        views: how many mirror images a prediction asks and averages.
        scales: at which sizes of the image it asks, and averages; 1: as it is. Like `views` it changes
            predictions, not what is learnt.
        seed: the root of all chance.
    """

    format: Literal["pointillist-run-1"] = "pointillist-run-1"
    data: AnyDataset
    annotate: AnyAnnotator | None = Full()
    annotations: Path | None = None
    use_masks: bool = False
    sizes: SizeBounds | None = None
    propagate: AnyPropagator | None = None
    teacher: AnyTeacher | None = None
    relabel: Relabel | None = None
    model: AnyModel = Unet()
    start: Start | None = None
    supervise: tuple[Term, ...] = Field(default=(Term(loss=CrossEntropy()),), min_length=1)
    augment: Augment = Augment()
    crop: Annotated[int, Field(ge=16, le=4096)] | None = None
    crops_per_image: Annotated[int, Field(ge=1)] = 1
    epochs: Annotated[int, Field(ge=1)] = 40
    batch: Annotated[int, Field(ge=1)] = 4
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    average: Annotated[float, Field(ge=0, lt=1)] = 0.98
    clip: Annotated[float, Field(gt=0)] = 10.0
    select: Selection = "held-out"
    precision: Precision = "auto"
    views: Literal[1, 2, 4] = 1
    scales: Annotated[tuple[Scale, ...], Field(min_length=1, max_length=4)] = (1.0,)
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a `Target` that its terms read."""
        return frozenset[str]().union(*(term.loss.reads for term in self.supervise))

    def to_json(self) -> str:
        """Canonical JSON; silent about what was not there before and is as it was then: ids stay."""
        fields = Run.model_fields
        left_out: dict[str, Any] = {
            name: True for name in ("start", "scales") if getattr(self, name) == fields[name].default
        }
        if getattr(self.data, "without", None) == ():
            left_out["data"] = {"without"}
        return json.dumps(
            self.model_dump(mode="json", exclude=left_out), sort_keys=True, separators=(",", ":")
        )

    @model_validator(mode="after")
    def _masks_stand_in_for_annotations(self) -> Run:
        if self.use_masks and self.annotate is not None and self.annotations is None:
            must = "use_masks must stand beside annotations that somebody made"
            fix = "Name their folder (annotations: FOLDER) or learn from the data's own (annotate: null)"
            found = f"annotate: {{kind: {self.annotate.kind}}}, which draws every annotation from a mask"
            raise refused(must, found, f"{fix}; else drop use_masks.")
        return self

    @model_validator(mode="after")
    def _soft_labels_are_read(self) -> Run:
        writers = [name for name in ("propagate", "teacher") if getattr(self, name) is not None]
        if writers and not reads_soft(self.supervise):
            must = f"a term must read the soft labels that {' and '.join(writers)} would write"
            found = ", ".join(term.loss.kind for term in self.supervise)
            raise refused(must, found, "Add soft-cross-entropy or consistency to supervise.")
        return self


def reads_soft(terms: tuple[Term, ...]) -> bool:
    """Say whether one of the terms reads soft labels."""
    return any("soft" in term.loss.reads for term in terms)
