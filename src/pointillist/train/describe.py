"""From data and annotations to a whole run: what suits the images, and a recipe."""

from __future__ import annotations

from pathlib import Path

from pointillist.annotate import AnyAnnotator
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import AnyDataset
from pointillist.train.recipe import apply_recipe
from pointillist.train.run import Run


def describe_run(
    data: AnyDataset, annotate: AnyAnnotator, annotations: Path | None, seed: int, recipe: str = "auto"
) -> Run:
    """Describe a run by what the flags chose, the defaults that suit the data set's images, and a recipe.

    Annotations that came with a folder are used before its masks, which then only measure.
    """
    return apply_recipe(default_run(data, annotate, annotations, seed), recipe)[0]


def check_folder(annotations: Path | None) -> None:
    """Refuse a folder of annotation files that is none; None is fine: they came with the data.

    Raises:
        InputError: there is a file, or nothing.
    """
    if annotations is not None and not annotations.is_dir():
        found = "a file" if annotations.exists() else "nothing there"
        raise InputError("--annotations must be a folder", found, "Name it.", annotations)


def default_run(data: AnyDataset, annotate: AnyAnnotator, annotations: Path | None, seed: int) -> Run:
    """Describe what a run learns from, with the defaults that suit the images; how it learns is left open.

    Raises:
        InputError: there are no training images, or `annotations` is no folder.
    """
    check_folder(annotations)
    if not data.names("train"):
        fix = "Put some under train/, or let 'split' in pointillist.yaml give some."
        raise InputError("the data must hold training images", "none", fix)
    own = data.annotated and annotate.kind == "full"
    fields = {
        "data": data,
        "annotate": None if own or annotations is not None else annotate,
        "annotations": None if annotations is None else annotations.absolute(),
        "crop": data.crop,
        "crops_per_image": data.crops_per_image,
        "epochs": data.epochs,
        "batch": data.batch,
        "learning_rate": data.learning_rate,
        "seed": seed,
    }
    return validated(Run, fields)
