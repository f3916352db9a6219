"""A study's folder: what is missing is run, and every run leaves one file of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

from pointillist.core import durable
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.study.engine import Engine, News, Outcome, Payload, Started
from pointillist.study.fence import Fence, next_driver
from pointillist.study.promise import (
    data_hashes,
    data_sha256,
    files_state,
    keep_the_promise,
    made_with,
    refuse_changed_data,
)
from pointillist.study.result import read_result
from pointillist.study.study import Cell, Study
from pointillist.train.device import find_device
from pointillist.train.evaluate import NoMasksError, evaluate, load_trained
from pointillist.train.loop import Options, Quiet, train
from pointillist.train.remembered import REMEMBERED
from pointillist.train.run import Run
from pointillist.train.spread import FOLDER
from pointillist.train.store import read_checkpoint, read_model, read_run

PATIENCE_S = 300.0
"""How long an attempt waits for an earlier one that was given up, and has not seen that yet."""
LOOK_S = 30.0
"""How often a training looks whether it has been given up."""
Results: TypeAlias = Mapping[str, dict[str, Any]]
"""What runs left, by their ids."""


def run_study(
    study: Study, folder: Path, engine: Engine, watch: Callable[[Cell, Started | Outcome], None]
) -> Sequence[Cell]:
    """Run what is missing, and give the runs that failed, at their first places.

    Stopped or killed at any instant, the same call goes on: finished runs are not run again, a run that was
    cut goes on from its last checkpoint. A study may grow: its new places are what is missing. What failed
    before is tried again.

    Args:
        study: what to run.
        folder: where its runs and results go.
        engine: what runs them.
        watch: told of every run that begins or ends.

    Raises:
        InputError: the study describes no run, another process runs it, or the folder's results are of other
            data or of another comparison.
        DiskError: a run had no room for what it writes; the same call goes on.
    """
    fix = "Wait for it, or stop it; either goes on where the other ended."
    with durable.locked(folder, "a study must be run by one process at a time", fix):
        written = (folder / "results", folder / "failures", folder / "attempts")
        for place in (folder, *written, *(folder / FOLDER).glob("*")):
            durable.delete_leftovers(place)
        keep_the_promise(study, folder)
        hashes = data_hashes(study)
        results, damaged = _whole_results(study, folder)
        refuse_changed_data(hashes, made_with(results), folder)
        # Not the canonical JSON, which sorts the axes and their labels.
        durable.write_text(folder / "study.json", study.model_dump_json(indent=1))
        for file in damaged:
            durable.set_aside(file)
        missing = _missing(study, results)
        _forget_failures(study, folder, missing)
        driver = next_driver(folder)
        payloads = [_payload(study, cell, folder, hashes[cell.run.id], driver) for cell in missing]
        with closing(engine.run(measure, payloads)) as news:
            return _followed(news, missing, folder, watch)


def _followed(
    news: News, missing: Sequence[Cell], folder: Path, watch: Callable[[Cell, Started | Outcome], None]
) -> list[Cell]:
    """Keep what is told of each run, and give those that failed.

    Raises:
        DiskError: a run had no room for what it writes: all others would fail, too.
    """
    failed = []
    for one in news:
        cell = missing[one.number]
        if isinstance(one, Outcome):
            if one.error is not None and durable.tells_of_the_disk(one.error):
                raise durable.DiskError(one.error)
            failure = folder / "failures" / f"{cell.run.id}.json"
            if one.error is None:
                failure.unlink(missing_ok=True)
            else:
                failed.append(cell)
                told = {"place": dict(cell.place), "seed": cell.run.seed, "tries": one.tries}
                durable.write_json(failure, {**told, "error": one.error})
        watch(cell, one)
    return failed


def _forget_failures(study: Study, folder: Path, missing: Sequence[Cell]) -> None:
    """Delete what is told of runs that have ended well since, in another folder or before a crash."""
    for run in {cell.run.id for cell in study.runs} - {cell.run.id for cell in missing}:
        (folder / "failures" / f"{run}.json").unlink(missing_ok=True)


def missing_runs(study: Study, folder: Path) -> tuple[list[Cell], list[Path]]:
    """List the runs that have left no results yet, or not on every split that the study measures.

    Returns:
        them, and the files that are no longer what a run left: these are set aside, and made again.
    """
    results, damaged = _whole_results(study, folder)
    return _missing(study, results), damaged


def is_trained(cell: Cell, folder: Path) -> bool:
    """Say whether a run has its weights, so that it is only measured."""
    return (folder / "runs" / cell.run.id / "model").is_dir()


def _missing(study: Study, results: Results) -> list[Cell]:
    return [cell for cell in study.runs if not measured(results.get(cell.run.id), study.splits)]


def other_results(study: Study, folder: Path) -> int:
    """Count the results in a study's folder that its grid does not hold: of other settings."""
    runs = {cell.run.id for cell in study.runs}
    return sum(path.stem not in runs for path in (folder / "results").glob("*.json"))


def measured(result: Mapping[str, Any] | None, splits: Sequence[str]) -> bool:
    """Say whether a run has left results on all of these splits, as far as they have masks."""
    return result is not None and {*splits} <= {*result["splits"], *result.get("without_masks", ())}


def measure(payload: Payload) -> None:
    """Train a run, measure it, and write its results: the task of an engine.

    Raises:
        InputError: the data are not those that the study began with.
        LateError: a newer attempt at the same run has begun.
    """
    run = validated(Run, payload["run"], text=True)
    # The next run that this process takes will ask for the same images.
    REMEMBERED.turn_to(run.data, files_state(run))
    if data_sha256(run) != payload["data_sha256"]:
        fix = "Leave them alone while a study runs; on a cluster every machine must see the same files."
        raise InputError("the data must be those that the study began with", "others", fix)
    folder = Path(payload["folder"])
    device = find_device(run.precision)
    home = folder / "runs" / run.id
    fence = Fence(folder, run.id, (payload["driver"], payload["tries"]))
    fence.claim()
    _set_damaged_aside(home)
    train(run, home, device, _Fenced(fence), Options(spread=folder / FOLDER, patience_s=PATIENCE_S))
    trained = load_trained(home, device)
    splits: dict[str, Any] = {}
    without = []
    for split in payload["splits"]:
        try:
            found, summary = evaluate(trained, split)
        except NoMasksError:
            without.append(split)
            continue
        splits[split] = {
            "metrics": {row.metric: row.value for row in summary.rows if row.class_name is None},
            "matrices": {result.name: result.matrix.tolist() for result in found},
            "groups": {result.name: result.group for result in found},
        }
    about = trained.about
    result = {
        "run": run.id,
        "data_sha256": payload["data_sha256"],
        "splits": splits,
        "without_masks": without,
        "seconds_per_image": trained.seconds_per_image,
        "annotation": about["annotation"],
        "environment": about["environment"],
        "history": about["history"],
        "without_each": about.get("without_each", []),
    }
    with fence.held():
        durable.write_json(_result(folder, run), result)


class _Fenced(Quiet):
    """Ends a training soon after a newer attempt has begun."""

    def __init__(self, fence: Fence) -> None:
        self._fence, self._looked = fence, time.monotonic()

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        """Raise a `LateError` where that is so."""
        if time.monotonic() - self._looked > LOOK_S:
            self._fence.check()
            self._looked = time.monotonic()

    def epoch(self, record: dict[str, float | int]) -> None:
        """Likewise, of however few steps the epoch was."""
        self._fence.check()


def _set_damaged_aside(home: Path) -> None:
    """Make way for a run whose files are no longer what was written: it is trained anew."""
    if not (home / "run.json").is_file():
        return
    try:
        read_run(home)
        _ = read_model(home) if (home / "model").is_dir() else read_checkpoint(home)
    except InputError:
        durable.set_aside(home)


def read_results(study: Study, folder: Path) -> Results:
    """Read what the study's runs left, each file once; runs that have not ended are left out.

    Raises:
        InputError: a file is not what its run left.
    """
    files = {cell.run.id: _result(folder, cell.run) for cell in study.runs}
    return {run: read_result(path) for run, path in files.items() if path.is_file()}


def _whole_results(study: Study, folder: Path) -> tuple[Results, list[Path]]:
    """Read what the study's runs left, and list the files that are damaged."""
    found, damaged = {}, []
    for cell in study.runs:
        path = _result(folder, cell.run)
        try:
            if path.is_file():
                found[cell.run.id] = read_result(path)
        except InputError:
            damaged.append(path)
    return found, damaged


def _result(folder: Path, run: Run) -> Path:
    return folder / "results" / f"{run.id}.json"


def _payload(study: Study, cell: Cell, folder: Path, data: str, driver: int) -> Payload:
    described = {"run": cell.run.to_json(), "data_sha256": data, "splits": list(study.splits)}
    return {**described, "folder": str(folder.absolute()), "driver": driver}
