"""`pointillist import` and `pointillist export`: annotations from other tools, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli.console import out
from pointillist.cli.flags import given
from pointillist.core.annotation import Annotation, read_annotation
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, AnyMask
from pointillist.core.text import typed
from pointillist.data.decode import SUFFIXES, image_size
from pointillist.data.item import Owners
from pointillist.data.mask import read_mask
from pointillist.data.pairing import check_same_size
from pointillist.datasets import Folder
from pointillist.exchange import EXPORTERS, IMPORTERS, Choices, Exporter, Importer, bring
from pointillist.exchange.importer import list_files

_SOME = ("rest", "kind", "unlabelled")
"""Choices that only some formats have."""


def import_command(
    context: typer.Context,
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(IMPORTERS)}.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The other tool's file or folder.")],
    root: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Your folder, with images/ in it.")],
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="THEIRS=OURS",
            help="Their class, or value in label images, is ours, or 'unlabelled'.",
        ),
    ] = None,
    rest: Annotated[
        str | None, typer.Option("--rest", help="What no mark covers: background or unlabelled.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--as", metavar="KIND", help="coco: make areas, boxes or points of objects.")
    ] = "areas",
    unlabelled: Annotated[
        int | None, typer.Option("--unlabelled", min=0, help="masks: the value of unlabelled pixels.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Add to annotations that are there.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of those there.")] = False,
) -> None:
    """Read another tool's annotations into FOLDER/annotations; all of them, or none if some are wrong."""
    importer = IMPORTERS[form]
    _check_flags(importer, form, given(context), rest, kind)
    if merge and replace:
        raise InputError("--merge and --replace exclude each other", "both", "Choose one.")
    choices = Choices(_pairs(classes or []), rest, kind, unlabelled)  # type: ignore[arg-type]
    intake = bring(importer, path, root, choices)
    written = intake.write("merge" if merge else "replace" if replace else "refuse")
    for line in intake.said():
        out.print(line)
    out.print(f"Written: {written[0].parent}")
    out.print(f"Next:    pointillist data check {typed(root)}")


def export_command(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(EXPORTERS)}.")],
    root: Annotated[Path, typer.Argument(metavar="FOLDER", help="Your folder, with images/ in it.")],
    path: Annotated[Path, typer.Option("--out", "-o", help="The file, for geojson the folder, to write.")],
    masks: Annotated[
        Path | None,
        typer.Option("--masks", metavar="DIR", help="Label maps of class indices to write instead."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option("--annotations", metavar="DIR", help="Annotation files from elsewhere than FOLDER."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of what is there.")] = False,
) -> None:
    """Write FOLDER's annotations, or label maps of its images, in another tool's format."""
    exporter = EXPORTERS[form]
    data = Folder(root=root, size=None)
    if masks is not None and annotations is not None:
        raise InputError("--masks and --annotations exclude each other", "both", "Choose one.")
    _check_out(exporter, form, path, masks, replace)
    written = exporter.write(
        path,
        classes=data.classes,
        colours=data.colours,
        annotations=_annotations(data, annotations) if masks is None else (),
        masks=() if masks is None else _label_maps(data, masks),
        files={item.name: item.image.name for item in data.layout.items},
    )
    for line in written.said():
        out.print(line)
    out.print(f"Written: {path}")


def _check_flags(
    importer: Importer, form: str, typed_flags: dict[str, str], rest: str | None, kind: str
) -> None:
    for name, flag in typed_flags.items():
        if name in _SOME and name not in importer.choices:
            raise InputError(f"{form} must be read without {flag}", flag, "Leave it out.")
    if rest not in (None, "background", "unlabelled"):
        raise InputError("--rest must be background or unlabelled", repr(rest), "Choose one.")
    if kind not in ("areas", "boxes", "points"):
        raise InputError("--as must be areas, boxes or points", repr(kind), "Choose one.")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        theirs, equals, ours = text.rpartition("=")
        if not equals or not theirs or not ours:
            raise InputError("--class must be THEIRS=OURS", repr(text), "Say it like --class tumour=lesion.")
        pairs[theirs] = ours
    return pairs


def _check_out(exporter: Exporter, form: str, path: Path, masks: Path | None, replace: bool) -> None:
    if masks is not None and "masks" not in exporter.holds:
        fix = f"Formats that do: {', '.join(name for name, e in EXPORTERS.items() if 'masks' in e.holds)}."
        raise InputError(f"{form} must hold label maps", "only annotations", fix)
    if not exporter.folder and path.is_dir():
        raise InputError("--out must be a file", "a folder", "Name a file in it.", path)
    if exporter.folder and path.exists() and not path.is_dir():
        raise InputError("--out must be a folder", "a file", "Name another.", path)
    if not replace and (any(path.iterdir()) if path.is_dir() else path.exists()):
        raise InputError("--out must be new", "something there", "Name another, or say --replace.", path)


def _annotations(data: Folder, folder: Path | None) -> Iterator[Annotation]:
    if folder is not None:
        files = list_files(folder, (".json",), "annotation files")
    else:
        files = [item.annotation for item in data.layout.items if item.annotation is not None]
    if not files:
        fix = "--annotations names another folder of them, --masks a folder of label maps."
        raise InputError("FOLDER must hold annotations", "none", fix, data.root / "annotations")
    for file in files:
        annotation = read_annotation(file)
        if annotation.classes != data.classes:
            found = f"{', '.join(annotation.classes)} where {', '.join(data.classes)} are declared"
            raise InputError("annotations must have the folder's classes", found, "Correct them.", file)
        yield annotation


def _label_maps(data: Folder, folder: Path) -> Iterator[tuple[str, AnyMask]]:
    images = {item.name: item.image for item in data.layout.items}
    owners = Owners(images)
    codes = {label: label for label in (*range(len(data.classes)), IGNORE)}
    for file in list_files(folder, SUFFIXES, "label maps"):
        if (name := owners.find(file.stem)) is None:
            fix = "Add its image, or leave the label map out."
            raise InputError("a label map must have an image of its name", "none", fix, file)
        labels = read_mask(file, codes)
        check_same_size(image_size(images[name]), labels, images[name], file)
        yield name, labels
