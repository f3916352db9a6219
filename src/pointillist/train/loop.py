"""The training loop, on one page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch.distributed as dist

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.train.device import Device, find_device
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.record import environment
from pointillist.train.run import Run
from pointillist.train.select import HeldOut
from pointillist.train.stop import Listener, StoppedError
from pointillist.train.store import read_checkpoint, write_checkpoint, write_model, write_run


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
    """

    workers: int = 0
    save_every_s: float = 30.0
    resident_bytes: int | None = None


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
        InputError: nothing is labelled, or the folder holds something else.
        NonFiniteError: the loss became NaN or infinite.
        StoppedError: a signal asked to stop; the state is saved.
    """
    device, watch = device or find_device(run.precision), watch or Quiet()
    names = run.data.names("train")  # Fails before anything is written when the data is not there.
    if not names:
        raise InputError("the training split must hold images", "none", "Put some there.")
    if not device.leads:
        return _train(run, names, folder, device, watch, options)
    with durable.locked(folder):
        durable.delete_leftovers(folder)
        durable.delete_leftovers(folder / "checkpoints")
        write_run(folder, run)
        if (folder / "model").is_dir():
            return watch.say(f"{folder} is finished already: nothing to train.")
        _train(run, names, folder, device, watch, options)


def _train(
    run: Run, names: Sequence[str], folder: Path, device: Device, watch: Watch, options: Options
) -> None:
    started = time.monotonic()
    feed = Feed(run, names, device, options.workers, options.resident_bytes)
    _check_labels(run, feed, watch)
    held_out = HeldOut(run, run.data.names("val"), device)
    learner = Learner(run, feed, device)
    _restore(learner, folder, device, watch)
    watch.begin(learner.total_steps, learner.step_number)
    every = max(1, run.epochs // 50)
    saved = time.monotonic()
    with Listener() as listener:
        while learner.epoch < run.epochs:
            for batch in feed.epoch(learner.epoch, skip=learner.step_in_epoch):
                losses = learner.step(batch)
                watch.step(learner.step_number, losses, len(batch.keys) * device.world)
                if listener.signum is not None:
                    _save(learner, folder, device)
                    raise StoppedError(listener.signum, learner.step_number)
                if time.monotonic() - saved > options.save_every_s:
                    _save(learner, folder, device)
                    saved = time.monotonic()
            last = learner.epoch + 1 == run.epochs
            scored = bool(held_out) and (last or (learner.epoch + 1) % every == 0)
            watch.epoch(learner.end_epoch(held_out.score(learner.average.network) if scored else None))
    if not held_out:
        learner.keep()
    _save(learner, folder, device)
    if device.leads:
        about: dict[str, Any] = {
            "channels": feed.channels,
            "classes": list(run.data.classes),
            "selected_step": learner.selected_step,
            "steps": learner.total_steps,
            "chosen_by": run.select if held_out else "last",
            "annotation": {"train": feed.tally.to_json(), "val": held_out.tally.to_json()},
            "history": learner.history,
        }
        about["environment"] = environment(run, feed.tally.sha256, device) | {
            "train_s": time.monotonic() - started
        }
        write_model(folder, learner.selected, about)


def _check_labels(run: Run, feed: Feed, watch: Watch) -> None:
    if not feed.tally.labelled.any():
        fix = "Annotate some training images, or check that the files bear the images' names."
        raise InputError("at least one training pixel must be labelled", "none", fix, run.annotations)
    for name, count in zip(run.data.classes, feed.tally.labelled, strict=True):
        if not count:
            watch.say(f"Warning: no training image has a pixel labelled {name!r}; it can't be learnt.")


def _restore(learner: Learner, folder: Path, device: Device, watch: Watch) -> None:
    checkpoint, warnings = read_checkpoint(folder)
    for warning in warnings:
        watch.say(warning)
    if checkpoint is None:
        return
    if checkpoint.state["bfloat16"] != device.bfloat16:
        was = "bfloat16" if checkpoint.state["bfloat16"] else "float32"
        fix = f"Resume with --precision {was}, or train into another folder."
        raise InputError(f"the precision must stay {was}", "another one", fix, folder)
    learner.from_checkpoint(checkpoint)
    watch.say(f"Resuming after step {checkpoint.step} of {learner.total_steps}.")


def _save(learner: Learner, folder: Path, device: Device) -> None:
    if device.leads:
        write_checkpoint(folder, learner.to_checkpoint())
    if device.world > 1:
        dist.barrier()
