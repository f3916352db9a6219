"""`pointillist data describe` and `pointillist data check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress, track
from rich.table import Table

from pointillist.cli import choices
from pointillist.cli.console import err, out
from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.data.draw import contact_sheet, write_picture
from pointillist.data.validate import check_folder
from pointillist.datasets import AnyDataset
from pointillist.datasets.dataset import SPLITS, Split

SHEET = 24

data_app = typer.Typer(help="Data sets: what is in them, and what is wrong with them.", no_args_is_help=True)


@dataclass
class SplitFacts:
    """What a split holds, counted image by image."""

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    groups: set[str] = field(default_factory=set)
    images: int = 0
    with_mask: int = 0
    with_annotation: int = 0
    with_region: int = 0
    region_pixels: int = 0
    pixels: int = 0
    void: int = 0
    outside: int = 0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, sample: Sample, group: str) -> None:
        """Count one sample."""
        self.images += 1
        self.groups.add(group)
        self.sizes[sample.height, sample.width] += 1
        self.with_annotation += sample.annotation is not None
        pixels = sample.height * sample.width
        if sample.region is not None:
            self.with_region += 1
            self.region_pixels += int(sample.region.sum())
            self.pixels += pixels
        if sample.mask is not None:
            self.with_mask += 1
            counts = np.bincount(sample.truth().ravel(), minlength=IGNORE + 1)
            self.void += int(counts[IGNORE])
            self.classes.update({k: int(n) for k, n in enumerate(counts[:IGNORE]) if n})
            if sample.region is not None:
                self.outside += bool(((sample.mask != 0) & (sample.mask != IGNORE) & ~sample.region).any())


@data_app.command("describe")
def describe_command(
    kind: Annotated[str, typer.Argument(metavar="NAME", help="Data set; see 'pointillist train --help'.")],
    root: choices.Root = None,
    size: choices.Size = None,
    sheet: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw a contact sheet into this PNG file.")
    ] = None,
) -> None:
    """Tell number, sizes, splits, class shares, regions of interest and groups; draw a contact sheet."""
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError("--out must end in .png", sheet.name, "Rename it.", sheet)
    data = choices.choose_data(kind, root, size)
    facts = {split: SplitFacts() for split in SPLITS}
    shown: list[Sample] = []
    chosen = set(np.linspace(0, len(data.entries) - 1, SHEET).round().astype(int).tolist())
    for number, entry in enumerate(track(data.entries, "reading", console=err, transient=True)):
        sample = data.read(entry.name)
        facts[entry.split].add(sample, entry.group)
        if number in chosen:
            shown.append(sample)
    if not shown:
        raise InputError("the data set must hold images", "none", "Check --root.", root)
    _print_facts(data, facts, shown[0])
    if sheet is not None:
        write_picture(sheet, contact_sheet(shown, data.colours))
        out.print(f"Written: {sheet}")


def _print_facts(data: AnyDataset, facts: Mapping[Split, SplitFacts], first: Sample) -> None:
    table = Table(title=f"{data.kind}: {sum(f.images for f in facts.values())} images", title_justify="left")
    for heading in ("", *facts):
        table.add_column(heading, justify="right" if heading else "left")

    def line(name: str, values: list[str]) -> None:
        table.add_row(name, *values)

    every = list(facts.values())
    line("images", [str(f.images) for f in every])
    line("with a mask", [str(f.with_mask) for f in every])
    if any(f.with_annotation for f in every):
        line("with an annotation", [str(f.with_annotation) for f in every])
    line("groups", [str(len(f.groups)) for f in every])
    line("height x width", [_sizes(f.sizes) for f in every])
    for k, name in enumerate(data.classes):
        line(f"share of {name}", [_share(f.classes[k], sum(f.classes.values())) for f in every])
    if any(f.void for f in every):
        line("share void or outside", [_share(f.void, f.void + sum(f.classes.values())) for f in every])
    if any(f.with_region for f in every):
        line("with a region of interest", [str(f.with_region) for f in every])
        line("share inside the region", [_share(f.region_pixels, f.pixels) for f in every])
        line("foreground outside it in", [f"{f.outside} images" for f in every])
    out.print(table, soft_wrap=False)
    channels = len(first.image)
    out.print(f"{channels} channel{'s' * (channels > 1)}; classes: {', '.join(data.classes)}")
    if getattr(data, "size", None) is not None and getattr(data, "root", None) is not None:
        out.print("Sizes are those worked at; '--size native' tells the files' own.")


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    if not sizes:
        return "-"
    if len(sizes) <= 2:
        return ", ".join(f"{h} x {w}" for h, w in sorted(sizes))
    heights, widths = [h for h, _ in sizes], [w for _, w in sizes]
    return f"{min(heights)}..{max(heights)} x {min(widths)}..{max(widths)}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


@data_app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with images/, masks/ and so on.")],
    report: Annotated[
        Path | None, typer.Option("--report", help="Write all findings into this JSON file.")
    ] = None,
) -> None:
    """Say in words what is wrong with a folder of images, masks and annotations; changes nothing in it."""
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing there"
        raise InputError("DIR must be a folder", what, "Check the path.", folder)
    if report is not None and report.is_dir():
        raise InputError("--report must be a file", "a folder", "Name a file in it.", report)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("checking", total=None)
        found = check_folder(folder, lambda done, total: bar.update(task, completed=done, total=total))
    for line in found.lines():
        out.print(line)
    if report is not None:
        durable.write_text(report, found.to_json())
        out.print(f"Written: {report}")
    if not found.ok:
        raise typer.Exit(2)
