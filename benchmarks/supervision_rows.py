"""What the tables of supervision.py share: options, runs, and how rows are measured and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from cells import Cell, against_full, publish, train_cells

from pointillist.annotate import AnyAnnotator, PointsAnnotator
from pointillist.datasets import AnyDataset
from pointillist.train.describe import describe_run
from pointillist.train.run import Run

Root = Annotated[Path, typer.Option("--root", resolve_path=True)]
Seeds = Annotated[int, typer.Option("--seeds", min=1)]
Runs = Annotated[Path, typer.Option("--runs")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Runs at a time; they share the cores.")]
Out = Annotated[Path | None, typer.Option("--out", "-o")]
RUNS = Path("runs/supervision")
SHORT_EPOCHS = 12
"""Of DRIVE, on a machine without a GPU."""
Rows = Mapping[str, Callable[[int], Run]]


def clicks(each: int) -> PointsAnnotator:
    """Give so many random clicks on each class of an image."""
    return PointsAnnotator(positive=each, negative=each)


def recipe_run(data: AnyDataset, annotate: AnyAnnotator, seed: int) -> Run:
    """Describe the run that `pointillist train` would do without being told how to learn."""
    return describe_run(data, annotate, None, seed)


def seeded(data: AnyDataset, annotate: AnyAnnotator, **changes: Any) -> Callable[[int], Run]:
    """Give the default run of each seed, with some changes."""
    return lambda seed: recipe_run(data, annotate, seed).model_copy(update=changes)


def changed(base: Run, changes: Mapping[str, Any]) -> Callable[[int], Run]:
    """Give a run of each seed."""
    return lambda seed: base.model_copy(update={**changes, "seed": seed})


def measured(rows: Rows, seeds: int, runs: Path, workers: int, split: str = "test") -> dict[str, list[Cell]]:
    """Train every row with every seed."""
    jobs = {f"{name}, seed {i}": make(i).to_json() for i in range(seeds) for name, make in rows.items()}
    cells = train_cells(jobs, runs, workers, split)
    return {name: [cells[f"{name}, seed {i}"] for i in range(seeds)] for name in rows}


def table(rows: Rows, seeds: int, runs: Path, workers: int, split: str = "test") -> list[str]:
    """Measure the rows and compare them with the first, the full masks."""
    return against_full(measured(rows, seeds, runs, workers, split), next(iter(rows)), {})


def tell(title: str, command: str, about: str, lines: Sequence[str], out: Path | None) -> None:
    """Publish a table of this file."""
    publish(title, f"python benchmarks/supervision.py {command}", about, lines, out)
