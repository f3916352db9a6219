"""The training loop, on one page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.datasets.dataset import SPLITS
from pointillist.train.device import Device, find_device
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.readable import naming_all, unreadable
from pointillist.train.record import environment
from pointillist.train.rounds import train_rounds
from pointillist.train.run import Run
from pointillist.train.select import HeldOut
from pointillist.train.spread import FOLDER, spread_seeds
from pointillist.train.stop import Listener, StoppedError
from pointillist.train.store import (
    Checkpoint,
    read_checkpoint,
    read_model,
    write_checkpoint,
    write_model,
    write_run,
)


@runtime_checkable
class Watch(Protocol):
    """Whoever looks on: a progress bar, a log."""

    def begin(self, total_steps: int, done: int) -> None:
        """Training starts (or goes on) at step `done`."""

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        """One step on so many images is done."""

    def epoch(self, record: dict[str, float | int]) -> None:
        """One epoch is done; its mean losses and held-out score."""

    def say(self, message: str) -> None:
        """Something that the user should know."""


@dataclass(frozen=True)
class Options:
    """What may differ between two equal runs: how they are computed, not what.

    Args:
        workers: processes that read data too large for memory.
        save_every_s: seconds between checkpoints.
        resident_bytes: largest data kept on the device; None: a quarter of its memory.
        spread: folder where propagated labels are kept and looked for, for several runs that may have the
            same; None: the run's own.
        patience_s: how long to wait for another process that holds the run's folder.
        with_masks: note the validation masks' Dice beside each held-out score, for studies of the choice of
            weights; nothing is chosen by it.
    """

    workers: int = 0
    save_every_s: float = 30.0
    resident_bytes: int | None = None
    spread: Path | None = None
    patience_s: float = durable.ENDING_S
    with_masks: bool = False


class Quiet:
    """A `Watch` that tells nobody."""

    def begin(self, total_steps: int, done: int) -> None:
        """Say nothing."""

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        """Say nothing."""

    def epoch(self, record: dict[str, float | int]) -> None:
        """Say nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""


def train(
    run: Run,
    folder: Path,
    device: Device | None = None,
    watch: Watch | None = None,
    options: Options = Options(),
) -> None:
    """Train a run into its folder; go on where it stopped if it was stopped.

    Args:
        run: what to train.
        folder: where its description, checkpoints and weights go.
        device: where to compute; the first GPU, or the CPU, by default.
        watch: who looks on; nobody by default.
        options: how to compute.

    Raises:
        InputError: nothing is labelled, the data has changed since, or the folder holds something else.
        NonFiniteError: the loss became NaN or infinite.
        StoppedError: a signal asked to stop; the state is saved.
    """
    device, watch = device or find_device(run.precision), watch or Quiet()
    if run.relabel is None:
        return _train_once(run, folder, device, watch, options)

    def train_round(one: Run, its_folder: Path) -> None:
        _train_once(one, its_folder, device, watch, options, whole=(folder, run))

    train_rounds(run, folder, device, watch.say, train_round, options.patience_s)


def _train_once(
    run: Run,
    folder: Path,
    device: Device,
    watch: Watch,
    options: Options,
    whole: tuple[Path, Run] | None = None,
) -> None:
    names = run.data.names("train")
    if not names:
        found = ", ".join(f"{len(run.data.names(split))} for {split}" for split in SPLITS[1:])
        fix = "Check the names of the folders, or declare the splits."
        root = getattr(run.data, "root", None)
        raise InputError("the training split must hold images", f"none ({found})", fix, root)
    if (folder / "run.json").is_file():
        write_run(folder, run)  # Refuses another run's folder.
    # Everything is read before anything is written: data that is wrong leaves no trace.
    with naming_all(run.data):
        held_out = HeldOut(run, run.data.names("val"), device, options.with_masks)
        if run.propagate is not None and (wrong := unreadable(run.data, names)):
            raise wrong[0]  # Now, and not after the labels of all images before it have been spread.
        spread = spread_seeds(run, names, options.spread or folder / FOLDER, watch.say)
        feed = Feed(run, names, device, options.workers, options.resident_bytes, spread)
    _check_labels(run, feed, watch)
    _leave_idle_out(run, feed, watch)
    data_sha256 = hashlib.sha256(f"{feed.tally.sha256} {held_out.tally.sha256}".encode()).hexdigest()
    # Held from here on: nobody else may finish the run between our look at it and our first step.
    with durable.locked(folder, patience_s=options.patience_s) if device.leads else nullcontext():
        if (folder / "model").is_dir():
            _check_data(read_model(folder)[1]["environment"]["data_sha256"], data_sha256, folder)
            return watch.say(f"{folder} is finished already: nothing to train.")
        checkpoint = _checkpoint(folder, data_sha256, watch)
        if checkpoint is not None:
            device = replace(device, bfloat16=bool(checkpoint.state["bfloat16"]))
            held_out.device = device
            watch.say(f"Resuming after step {checkpoint.step}, in {device.precision}.")
        learner = Learner(run, feed, device, data_sha256, checkpoint)
        if device.leads:
            if whole is not None:
                write_run(*whole)
            write_run(folder, run)
            durable.delete_leftovers(folder)
            durable.delete_leftovers(folder / "checkpoints")
        _fit(learner, held_out, folder, watch, options)
        if device.leads:
            _finish(learner, held_out, folder)
            # Only now has every process of this run written its part; those of others are not waited for.
            if spread is not None and options.spread is None:
                durable.delete_leftovers(spread)


def _checkpoint(folder: Path, data_sha256: str, watch: Watch) -> Checkpoint | None:
    checkpoint, warnings = read_checkpoint(folder)
    for warning in warnings:
        watch.say(warning)
    if checkpoint is not None:
        _check_data(checkpoint.state["data_sha256"], data_sha256, folder)
    elif (folder / "run.json").is_file():
        watch.say(f"{folder} has no checkpoint yet: training starts at step 0.")
    return checkpoint


def _fit(learner: Learner, held_out: HeldOut, folder: Path, watch: Watch, options: Options) -> None:
    run, device = learner.run, learner.device
    every = max(1, run.epochs // 50)
    saved = time.monotonic()
    with Listener() as listener:
        watch.begin(learner.total_steps, learner.step_number)
        if run.start is not None and held_out and not learner.history:
            watch.epoch(learner.judge_start(held_out.score(learner.average.network)))
        while learner.epoch < run.epochs:
            for batch in learner.feed.epoch(learner.epoch, skip=learner.step_in_epoch):
                losses = learner.step(batch)
                watch.step(learner.step_number, losses, len(batch.keys) * device.world)
                if (signum := device.largest(listener.signum or 0)) > 0:
                    _save(learner, folder)
                    raise StoppedError(signum, learner.step_number)
                if time.monotonic() - saved > options.save_every_s:
                    _save(learner, folder)
                    saved = time.monotonic()
            last = learner.epoch + 1 == run.epochs
            scored = bool(held_out) and (last or (learner.epoch + 1) % every == 0)
            record = learner.end_epoch(held_out.score(learner.average.network) if scored else None)
            watch.epoch(record)
            _mind_silence(run, record, watch)
    if not held_out:
        learner.keep()
    _save(learner, folder)


def _finish(learner: Learner, held_out: HeldOut, folder: Path) -> None:
    data = learner.run.data
    about: dict[str, Any] = {
        "channels": learner.feed.channels,
        "classes": list(data.classes),
        "colours": [list(colour) for colour in data.colours],
        "value_range": data.value_range,
        "selected_step": learner.selected_step,
        "steps": learner.total_steps,
        "chosen_by": learner.run.select if held_out else "last",
        "annotation": {"train": learner.feed.tally.to_json(), "val": held_out.tally.to_json()},
        "history": learner.history,
    }
    if held_out and learner.run.select == "held-out":
        judged = held_out.judge(learner.chosen(), learner.run)
        about["without_each"] = judged.without_each
        if judged.line is not None:
            learner.selected["offset"][0] = judged.line.offset
            about["line"] = judged.line.told()
    about["environment"] = environment(learner.run, learner.data_sha256, learner.device)
    about["environment"]["train_s"] = round(learner.spent_s(), 3)
    write_model(folder, learner.selected, about)


def _check_data(was: str, found: str, folder: Path) -> None:
    if was != found:
        fix = "Train into another folder with --out, or delete this one."
        must = f"images and annotations must be those that the run began with ({was[:12]})"
        raise InputError(must, f"others ({found[:12]})", fix, folder)


def _leave_idle_out(run: Run, feed: Feed, watch: Watch) -> None:
    """Draw no batch from images that teach nothing, and say how many nobody annotated."""
    if not (bare := feed.tally.images - feed.tally.annotated):
        return
    message = f"{bare} of {feed.tally.images} training images are not annotated"
    if feed.idle and run.teacher is None and all(term.loss.reads for term in run.supervise):
        feed.leave_idle_out()
        message += f": nothing is learnt there, and batches are drawn from the other {len(feed.drawn)}"
    watch.say(f"{message}.")


def _check_labels(run: Run, feed: Feed, watch: Watch) -> None:
    if not feed.tally.annotated:
        fix = "Annotate some training images, or check that the files bear the images' names."
        if run.annotate is not None and run.annotations is None:
            fix = "Clicks are simulated from masks: put masks beside the training images."
        found = "none" if run.sizes is None else "none: bounds on sizes don't tell where anything is"
        raise InputError("at least one training image must be annotated", found, fix, run.annotations)
    if count := feed.tally.contradicting:
        first = feed.tally.contradiction
        watch.say(
            f"Warning: marks on {count} images contradict each other: the later ones win, and what is drawn "
            f"over what is said ({first})."
        )
    _check_terms(run, feed)
    _check_crop(run, feed, watch)
    beyond = run.reads - {"labels"}
    for label, name in enumerate(run.data.classes):
        if not feed.tally.labelled[label] and not (beyond and feed.tally.told[label]):
            watch.say(f"Warning: no training image has a pixel labelled {name!r}; it can't be learnt.")


def _check_terms(run: Run, feed: Feed) -> None:
    read = run.reads
    there = feed.tally.holds | ({"soft"} if feed.spread is not None or run.teacher is not None else set())
    if not read & there:
        terms = ", ".join(term.loss.kind for term in run.supervise)
        what = " and ".join(sorted(read)) or "nothing that is drawn"
        fix = "Add a term that does, or let --recipe auto choose."
        must = f"a term must read what the annotations hold ({', '.join(sorted(there))})"
        raise InputError(must, f"{terms}, which read {what}", fix, run.annotations)


def _check_crop(run: Run, feed: Feed, watch: Watch) -> None:
    if run.crop is None:
        return
    if run.crop > 2 * feed.tally.side:
        must = f"crop must be at most twice the longest side of the training images, {feed.tally.side} pixels"
        raise InputError(must, f"{run.crop}", "Choose a smaller one, or crop: null for whole images.")
    cut_off = sorted(run.reads & feed.tally.of_the_whole)
    if cut_off and run.crop < feed.tally.side:
        watch.say(
            f"Warning: {', '.join(cut_off)} hold for whole images: crops of {run.crop} pixels show boxes "
            "that lie in them, and next to nothing of the rest. crop: null trains on whole images."
        )


def _mind_silence(run: Run, record: Mapping[str, float | int], watch: Watch) -> None:
    """Say after the first epoch that the weights did not learn anything in it."""
    said = [value for name, value in record.items() if name.startswith("loss/")]
    if record["epoch"] == 1 and not any(said):
        why = "what they read is unknown in every batch" if said else "their weights are 0 so far"
        terms = ", ".join(term.loss.kind for term in run.supervise)
        watch.say(f"Warning: in the whole first epoch no term said anything ({terms}): {why}.")


def _save(learner: Learner, folder: Path) -> None:
    if learner.device.leads:
        write_checkpoint(folder, learner.to_checkpoint())
