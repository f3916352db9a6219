"""`pointillist data describe` and `pointillist data check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, track
from rich.table import Table

from pointillist.cli import choices
from pointillist.cli.console import err, out
from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.data.draw import write_picture
from pointillist.data.sheets import contact_sheet
from pointillist.data.validate import check_folder
from pointillist.datasets import AnyDataset
from pointillist.datasets.dataset import Split
from pointillist.datasets.survey import SplitFacts, fact_lines, survey

data_app = typer.Typer(
    add_completion=False,
    help="Data sets: what is in them, and what is wrong with them.",
    no_args_is_help=True,
)


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
    facts, shown = survey(data, track(data.entries, "reading", console=err, transient=True))
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
    for name, values in fact_lines(data, facts):
        table.add_row(name, *values)
    out.print(table, soft_wrap=False)
    channels = len(first.image)
    out.print(f"{channels} channel{'s' * (channels > 1)}; classes: {', '.join(data.classes)}")
    if getattr(data, "size", None) is not None and getattr(data, "root", None) is not None:
        out.print("Sizes are those worked at; '--size native' tells the files' own.")


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
