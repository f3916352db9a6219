"""A study while it runs: what is done, what is running, what failed, and when it will end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from pointillist.cli.console import out, seconds
from pointillist.core.text import counted
from pointillist.datasets import AnyDataset
from pointillist.metrics.summary import FEWEST
from pointillist.study.budget import independent_images, refuse_without_objects
from pointillist.study.engine import Engine, Outcome, Started
from pointillist.study.execute import is_trained, missing_runs, other_results, run_study
from pointillist.study.study import Cell, Study
from pointillist.train.run import Run

SHOWN = 12
"""Running or failed runs that are listed at a time."""


class Progress:
    """The live table, and what is left of it at the end.

    Args:
        study: what is run.
        missing: how many runs have not ended.
        workers: how many runs go on at a time, for the forecast of the end.
    """

    def __init__(self, study: Study, missing: int, workers: int) -> None:
        self.name, self.total, self.workers = study.name, len(study.runs), workers
        self.running: dict[str, tuple[str, float]] = {}
        self.failures: list[str] = []
        self.took: list[float] = []
        self.missing = missing

    def watch(self, cell: Cell, news: Started | Outcome) -> None:
        """Take note of a run that begins or ends."""
        label = f"{', '.join(cell.place.values())}, seed {cell.run.seed}"
        if isinstance(news, Started):
            again = f", try {news.tries}" if news.tries > 1 else ""
            self.running[cell.run.id] = (label + again, time.monotonic())
            return
        _, begun = self.running.pop(cell.run.id, (label, time.monotonic()))
        self.missing -= 1
        if news.error is None:
            self.took.append(time.monotonic() - begun)
        else:
            self.failures.append(f"{label}: {news.error.splitlines()[-1]}")

    @property
    def words(self) -> str:
        """How far it is, in a line."""
        done = self.total - self.missing - len(self.failures)
        words = f"{self.name}: {done} of {self.total} done, {len(self.running)} running"
        words += f", {len(self.failures)} failed" if self.failures else ""
        return words + (f", about {seconds(self._left())} left" if self.took and self.missing else "")

    def __rich__(self) -> Group:
        table = Table.grid("", Column(overflow="fold"), "", padding=(0, 2))
        for label, begun in list(self.running.values())[:SHOWN]:
            table.add_row("running", label, f"{time.monotonic() - begun:.0f} s")
        for failure in self.failures[-SHOWN:]:
            table.add_row("failed", Text(failure), "")
        return Group(Text(self.words), ProgressBar(self.total, self.total - self.missing, width=60), table)

    def _left(self) -> float:
        mean = sum(self.took) / len(self.took)
        spent = sum(min(mean, time.monotonic() - begun) for _, begun in self.running.values())
        return max(0.0, (mean * self.missing - spent) / self.workers)


def carry_out(study: Study, folder: Path, engine: Engine) -> bool:
    """Run what is missing of a study before the user's eyes; say whether all of it is there now."""
    runs = [cell.run for cell in study.runs]
    for data in _distinct(run for run in runs if run.annotate is not None and run.annotations is None):
        refuse_without_objects(data, "train")
    if study.compare is not None:
        mind_few(_distinct(runs))
    missing, damaged = missing_runs(study, folder)
    for file in damaged:
        out.print(f"Damaged: {file}. It is set aside, and made again: has the disk a fault?")
    if ready := sum(is_trained(cell, folder) for cell in missing):
        out.print(f"Trained already, and only measured: {ready} of {counted(len(missing), 'missing runs')}.")
    progress = Progress(study, len(missing), engine.workers)
    try:
        failed = _watched(study, folder, engine, progress)
    except KeyboardInterrupt:
        done = progress.words.partition(" done")[0]
        out.print(f"{done} done; runs that were cut are kept as last saved. The same command goes on.")
        raise
    for failure in progress.failures:
        out.print(f"Failed: {failure}")
    if failed:
        out.print(f"Why: {folder / 'failures'}. The same command tries them again.")
    if others := other_results(study, folder):
        out.print(
            f"Mind: {counted(others, 'results')} of other settings in {folder}: left out of table and answer."
        )
    return not failed


def _watched(study: Study, folder: Path, engine: Engine, progress: Progress) -> Sequence[Cell]:
    """Run what is missing; a terminal sees a live table, a log file a line for each run that ends."""
    if out.is_terminal:
        with Live(progress, console=out, refresh_per_second=2, redirect_stdout=False, redirect_stderr=False):
            return run_study(study, folder, engine, progress.watch)

    def log(cell: Cell, news: Started | Outcome) -> None:
        progress.watch(cell, news)
        if isinstance(news, Outcome):
            out.print(progress.words)

    out.print(progress.words)
    return run_study(study, folder, engine, log)


def _distinct(runs: Iterable[Run]) -> list[AnyDataset]:
    """List the data of runs, each once."""
    return list({run.data.to_json(): run.data for run in runs}.values())


def mind_few(sets: Sequence[AnyDataset]) -> None:
    """Say before the runs that the number of test images can't give what a study that compares asks for.

    Raises:
        InputError: no test image of one of the data sets has a mask that shows an object.
    """
    for data in sets:
        refuse_without_objects(data, "test")
    if (groups := min(independent_images(data, "test") for data in sets)) < FEWEST:
        out.print(
            f"Mind: the test images make {counted(groups, 'independent groups')}; below {FEWEST} no interval "
            "can be given, and so no number called enough. Put more images aside for testing: split: in "
            "a folder's pointillist.yaml."
        )
