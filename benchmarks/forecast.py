"""How well the forecast from held-out clicks alone agrees with what twice the clicks truly bring.

    python benchmarks/forecast.py --root DIR -o docs/results/forecast.md

A person's 8 + 8 clicks are simulated; `pointillist budget --annotations` learns from 2, 4 and 8 of each and
forecasts 16. Then 16 + 16 clicks are drawn, and the Dice on test masks tells what doubling brought. Finished
runs under --runs are not trained again.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Annotated

import typer
from cells import publish

from pointillist.annotate import PointsAnnotator
from pointillist.core.annotation import write_annotation
from pointillist.core.config import validated
from pointillist.datasets import AnyDataset, Ph2, ToyScatter
from pointillist.study.execute import Results, read_results, run_study
from pointillist.study.forecast import Growth, growth, growth_study
from pointillist.study.local import Local
from pointillist.study.scores import Scores, scores_of
from pointillist.study.statistics import difference
from pointillist.study.study import Study

CLICKS = 8


def forecast_of(
    data: AnyDataset, home: Path, seeds: int, workers: int, epochs: int
) -> tuple[Growth, Scores, Scores]:
    """Forecast from simulated clicks; then give what test images score with them and with twice as many."""
    clicks = home / "clicks"
    if not clicks.is_dir():
        annotator = PointsAnnotator(positive=CLICKS, negative=CLICKS)
        for split in ("train", "val"):
            for sample in data.samples(split):
                annotation = annotator.annotate(sample, data.classes, 0)
                write_annotation(clicks / f"{sample.name}.json", annotation)
    changes = {"epochs": epochs}
    asked = growth_study(data, clicks, home / "forecast", seeds, changes=changes)
    told = growth(asked, _carried_out(asked, home / "forecast", workers))
    here = _scores(asked, home / "forecast")[f"{2 * CLICKS}",]
    twice = {"annotate": {"kind": "points", "positive": 2 * CLICKS, "negative": 2 * CLICKS}}
    described = {"name": "twice", "data": data.model_dump(), "changes": changes, "seeds": seeds}
    truth = validated(Study, {**described, "axes": {"clicks": {"twice": twice}}})
    _carried_out(truth, home / "twice", workers)
    return told, here, _scores(truth, home / "twice")["twice",]


def _carried_out(study: Study, folder: Path, workers: int) -> Results:
    failed = run_study(study, folder, Local(workers), lambda cell, news: None)
    assert not failed, folder / "failures"
    return read_results(study, folder)


def _scores(study: Study, folder: Path) -> dict[tuple[str, ...], Scores]:
    return scores_of(study, read_results(study, folder), "test", "dice")


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True, help="Of PH2.")],
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 3,
    workers: Annotated[int, typer.Option("--workers", min=1)] = 2,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 10,
    runs: Annotated[Path, typer.Option("--runs")] = Path("runs/forecast"),
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Compare forecast and truth on PH2 and toy-scatter."""
    lines = [
        "| data | held-out Dice at 4, 8, 16 clicks | test Dice at 16 | forecast gain of 32 | true gain | |",
        "|---|--:|--:|--:|--:|---|",
    ]
    sets: dict[str, AnyDataset] = {"PH2": Ph2(root=root), "toy-scatter": ToyScatter(train=200)}
    for name, data in sets.items():
        told, here, there = forecast_of(data, (runs / name).resolve(), seeds, workers, epochs)
        true = difference(there, here)
        agrees = "inside" if told.low <= true.mean <= told.high else "outside"
        held_out = ", ".join(f"{mean:.3f}" for mean in told.means)
        now = statistics.mean(here.by_seed())
        lines.append(
            f"| {name} | {held_out} | {now:.3f} | {told.gain:+.3f} ({told.low:+.3f} to {told.high:+.3f}) |"
            f" {true.mean:+.3f} ({true.low:+.3f} to {true.high:+.3f}) | {agrees} its "
            "interval |"
        )
    about = (
        f"8 + 8 simulated clicks on each training and validation image, {seeds} seeds, {epochs} epochs, the "
        "default recipe. The forecast sees no mask, and its interval resamples seeds and validation images; "
        "the true gain is of the mean Dice over test images, its interval resamples seeds and these."
    )
    publish(
        "A forecast without masks, and the truth",
        f"python benchmarks/forecast.py --root DIR --seeds {seeds} --epochs {epochs}",
        about,
        lines,
        out,
    )


if __name__ == "__main__":
    typer.run(main)
