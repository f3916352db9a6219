"""`pointillist report`: a study as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli.console import out
from pointillist.core.text import counted
from pointillist.study.execute import missing_runs


def report_command(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")],
) -> None:
    """Write a study's page, one file that opens anywhere, and its tables as Markdown, LaTeX and CSV."""
    # Only who wants a drawing waits for the library that draws.
    from pointillist.study.report import read_study, write_report

    for path in write_report(folder):
        out.print(f"Written: {path}")
    study = read_study(folder)
    if missing := missing_runs(study, folder)[0]:
        runs = counted(len(study.runs), "runs")
        out.print(f"Mind: {len(missing)} of {runs} have no results yet; to run the study again goes on.")
