"""What the study engine saves: runs per hour against `pointillist train` and `evaluate` once for each cell.

    python benchmarks/study.py --root PH2Dataset -o docs/results/study_speed.md

The same short runs both ways, in turns: the engine's processes stay and share the cores; one command after
the other begins anew each time and has all cores to itself.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
import yaml
from cells import publish

from pointillist.annotate import PointsAnnotator
from pointillist.core.config import validated
from pointillist.datasets import Ph2
from pointillist.study.study import Study

COMMAND = [sys.executable, "-m", "pointillist"]


def grid(root: Path, epochs: int, seeds: int) -> Study:
    """Describe short runs of the kind that a study of clicks has."""
    clicks = {f"{n}+{n}": {"annotate": PointsAnnotator(positive=n, negative=n).model_dump()} for n in (1, 5)}
    return validated(
        Study,
        {
            "name": "speed",
            "data": Ph2(root=root).model_dump(),
            "changes": {"epochs": epochs},
            "axes": {"clicks": clicks},
            "seeds": seeds,
            "splits": ["train", "val", "test"],
        },
    )


def by_study(study: Study, home: Path, workers: int) -> float:
    """Time one command for all cells."""
    file = home / "speed.yaml"
    file.write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False))
    began = time.perf_counter()
    _call("study", "run", str(file), "-o", str(home / "studies"), "--workers", str(workers))
    return time.perf_counter() - began


def by_commands(study: Study, home: Path) -> float:
    """Time two commands for each cell, one after the other."""
    files = []
    for cell in study.runs:
        file = home / f"{cell.run.id}.yaml"
        file.write_text(yaml.safe_dump(cell.run.model_dump(mode="json"), sort_keys=False))
        files.append((file, home / "runs" / f"{cell.run.data.kind}-{cell.run.id}"))
    began = time.perf_counter()
    for file, folder in files:
        _call("train", str(file), "-o", str(home / "runs"))
        _call("evaluate", str(folder))
    return time.perf_counter() - began


def _call(*arguments: str) -> None:
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True)],
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 2,
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 2,
    repeats: Annotated[int, typer.Option("--repeats", min=1)] = 2,
    workers: Annotated[int, typer.Option("--workers", min=1)] = os.cpu_count() or 1,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Measure both ways in turns."""
    study = grid(root, epochs, seeds)
    took: dict[str, list[float]] = {"study": [], "commands": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as home:
            took["commands"].append(by_commands(study, Path(home)))
        with tempfile.TemporaryDirectory() as home:
            took["study"].append(by_study(study, Path(home), workers))
    runs = len(study.runs)
    hourly = {way: [3600 * runs / seconds for seconds in all_of_it] for way, all_of_it in took.items()}
    ratios = [a / b for a, b in zip(hourly["study"], hourly["commands"], strict=True)]
    lines = ["| way | runs per hour | times as many |", "|---|--:|--:|"]
    told = {"commands": "`train` and `evaluate` for each", "study": f"`study run --workers {workers}`"}
    for way, name in told.items():
        ratio = (
            "1"
            if way == "commands"
            else f"{statistics.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        lines.append(f"| {name} | {statistics.mean(hourly[way]):.0f} | {ratio} |")
    about = (
        f"PH2 at 192 x 144, {runs} runs of the default recipe cut to {epochs} epochs, all splits measured; "
        f"{os.cpu_count()} cores, {repeats} repetitions in turns, mean (and range)."
    )
    publish("The study engine's speed", "python benchmarks/study.py --root DIR", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
