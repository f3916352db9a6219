"""What the quality benchmarks share: train many runs, several at a time, and compare them in pairs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from pointillist.core import durable
from pointillist.metrics.bootstrap import interval, resample_counts
from pointillist.study.local import share_cores

MARGIN = 0.02


@dataclass(frozen=True)
class Cell:
    """One run's result on one split.

    Args:
        names: of the images.
        dice: of each, the mean over the foreground classes.
        train_s: what training took.
        seconds: of annotation per annotated image; None: nobody knows.
        history: one record for each epoch.
        line: where it was drawn anew at the end, and how good it is there; empty: it was not.
    """

    names: tuple[str, ...]
    dice: tuple[float, ...]
    train_s: float
    seconds: float | None
    history: tuple[dict[str, float], ...]
    line: dict[str, float]

    @property
    def mean(self) -> float:
        """Mean Dice over the images."""
        return float(np.mean(self.dice))


def train_cells(jobs: Mapping[str, str], runs: Path, workers: int, split: str = "test") -> dict[str, Cell]:
    """Train and measure runs, given as JSON, each in its own process with its share of the cores.

    Args:
        jobs: JSON of a run, by a name of its own.
        runs: where folders are kept; finished ones are not trained again.
        workers: how many at a time.
        split: which images are measured.
    """
    share_cores(workers)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {name: pool.submit(_train_cell, text, runs, split) for name, text in jobs.items()}
        cells = {}
        for name, future in waiting.items():
            cells[name] = future.result()
            print(f"{name}: Dice {cells[name].mean:.4f}, {cells[name].train_s:.0f} s", flush=True)
        return cells


def _train_cell(text: str, runs: Path, split: str) -> Cell:
    from pointillist.core.config import validated
    from pointillist.train.device import find_device
    from pointillist.train.evaluate import load_trained, results
    from pointillist.train.loop import Options, train
    from pointillist.train.run import Run
    from pointillist.train.spread import FOLDER

    run = validated(Run, text, text=True)
    folder = runs / f"{run.data.kind}-{run.id}"
    device = find_device(run.precision)
    train(run, folder, device, options=Options(save_every_s=300, with_masks=True, spread=runs / FOLDER))
    trained = load_trained(folder, device)
    found = list(results(trained, split))  # type: ignore[arg-type]
    about = trained.about
    return Cell(
        tuple(result.name for result in found),
        tuple(mean_dice(result.matrix) for result in found),
        float(about["environment"]["train_s"]),
        trained.seconds_per_image,
        tuple(about["history"]),
        about.get("line", {}),
    )


def mean_dice(matrix: np.ndarray) -> float:
    """Average one image's Dice over the foreground classes that it shows."""
    from pointillist.metrics.confusion import dice

    return float(np.nanmean(dice(matrix)[1:]))


def spread(values: Sequence[float]) -> str:
    """Give mean and standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.4f}"
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def paired(weak: Sequence[Cell], full: Sequence[Cell]) -> tuple[float, float, float]:
    """Compare two settings seed by seed and image by image.

    Returns:
        the mean difference of Dice, and its 95 % interval over images (all seeds of an image are drawn
        together).
    """
    differences = np.mean([np.array(w.dice) - np.array(f.dice) for w, f in zip(weak, full, strict=True)], 0)
    counts = resample_counts(weak[0].names, 2000, seed=0)
    low, high = interval(counts @ differences / counts.sum(1)) or (float("nan"), float("nan"))
    return float(differences.mean()), low, high


def against_full(rows: Mapping[str, Sequence[Cell]], full: str, whys: Mapping[str, str]) -> list[str]:
    """Write a table: one line for each setting, beside the full masks' own.

    Args:
        rows: cells of each setting, one for each seed.
        full: the row that the others are compared with.
        whys: a remark for each row, such as what the recipe chose.
    """
    reference = statistics.mean(cell.mean for cell in rows[full])
    head = ["learnt from", "s / image", "seeds", "Dice", "of full", "difference (95 %)", "longest, s", ""]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * 6}---|"]
    for name, cells in rows.items():
        mean, low, high = paired(cells, rows[full])
        seconds = cells[0].seconds
        lines.append(
            "| "
            + " | ".join(
                [
                    name,
                    "-" if seconds is None else f"{seconds:.1f}",
                    str(len(cells)),
                    spread([cell.mean for cell in cells]),
                    f"{statistics.mean(cell.mean for cell in cells) / reference:.4f}",
                    "" if name == full else f"{mean:+.4f} ({low:+.4f} to {high:+.4f})",
                    f"{max(cell.train_s for cell in cells):.0f}",
                    whys.get(name, ""),
                ]
            )
            + " |"
        )
    return lines


def publish(title: str, command: str, about: str, lines: Sequence[str], out: Path | None) -> None:
    """Print a table with its command, and write it when asked."""
    text = "\n".join([f"# {title}", "", f"`{command}`", "", about, "", *lines, ""])
    print(text)
    if out is not None:
        durable.write_text(out, text)
