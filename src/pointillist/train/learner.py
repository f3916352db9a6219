"""The state of a training and its two moves: one step, and there and back through a checkpoint."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pointillist.core.rng import torch_rng
from pointillist.core.target import Target
from pointillist.losses.reduction import image_mean
from pointillist.train.batch import OF_THE_IMAGE, augmented, background_outside, moved_inside
from pointillist.train.device import Device
from pointillist.train.feed import Batch, Feed, steps_per_epoch
from pointillist.train.network import Average, Network, TwinNetwork, build_network
from pointillist.train.run import Run
from pointillist.train.select import Score
from pointillist.train.start import fill_from
from pointillist.train.stop import NonFiniteError
from pointillist.train.store import Checkpoint, Tensors
from pointillist.train.synced import count_images
from pointillist.train.teacher import AveragedTeacher, TwoDecoders

_WARM_UP = 0.05


class Learner:
    """Network, average, optimizer and how far they are.

    Args:
        run: what is trained.
        feed: where batches come from; its images give the normalisation.
        device: where it computes.
        data_sha256: of what it learns from; noted in its checkpoints.
        checkpoint: where to go on; None: at the start, with weights learned elsewhere where the run or its
            model asks.
    """

    def __init__(
        self,
        run: Run,
        feed: Feed,
        device: Device,
        data_sha256: str = "",
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.run, self.feed, self.device, self.data_sha256 = run, feed, device, data_sha256
        self.names = [_name(number, run) for number in range(len(run.supervise))]
        self.num_classes = len(run.data.classes)
        network = build_network(run.model, self.num_classes, run.seed, feed.tally.moments())
        if checkpoint is None:  # Else the weights come from there, and what fills them need not be at hand.
            if run.start is None:
                run.model.fill(network.model)
            else:
                fill_from(run, network)
        if isinstance(run.teacher, TwoDecoders):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(run.seed + 1)
                network = TwinNetwork(network, run.teacher.dropout)
        self.network = network.to(device.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.network, run.average)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay, fused=True
        )
        self.trained = device.wrap(self.network)
        self.total_steps = run.epochs * steps_per_epoch(run, len(feed.names))
        self.step_number, self.epoch, self.step_in_epoch = 0, 0, 0
        self.history: list[dict[str, float | int]] = []
        self.sums: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)
        self.best: Score | None = None
        self.selected: Tensors = {}
        self.selected_step = 0
        self._started, self._spent_before = time.monotonic(), 0.0
        if checkpoint is not None:
            self.from_checkpoint(checkpoint)

    def spent_s(self) -> float:
        """Give the seconds of training so far, over all sessions."""
        return self._spent_before + time.monotonic() - self._started

    def rate(self) -> float:
        """Learning rate of the next step: a linear rise over 5 % of the training, then a cosine to 0."""
        progress = self.step_number / self.total_steps
        if progress < _WARM_UP:
            return self.run.learning_rate * (self.step_number + 1) / (_WARM_UP * self.total_steps + 1)
        done = (progress - _WARM_UP) / (1 - _WARM_UP)
        return self.run.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def step(self, batch: Batch) -> dict[str, float]:
        """Take one step and give the value of each term.

        Raises:
            NonFiniteError: a term or the gradient is NaN or infinite; the weights are untouched.
        """
        self.trained.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        images, target = augmented(self.run, batch)
        images = images.contiguous(memory_format=torch.channels_last)
        count_images(self.trained, not batch.idle)
        values, total = self._costs(images, target, batch)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.run.clip)
        self._check({**values, "gradient": float(norm)}, batch.names)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network, self.step_number)
        self.step_number += 1
        self.step_in_epoch += 1
        for name, value in values.items():
            self.sums[name] += value
            self.counts[name] += 1
        return values

    def _costs(self, images: Tensor, target: Target, batch: Batch) -> tuple[dict[str, float], Tensor]:
        teacher = self.run.teacher
        if teacher is None:
            with self.device.autocast():
                logits = self.trained(images)
            return self._terms(logits.float(), target, images, batch)
        group, rows = batch.share
        generator = torch_rng(self.run.seed, *group[0].parts(), "teacher")
        mix = float(torch.rand((), generator=generator))
        with self.device.autocast():
            if isinstance(teacher, AveragedTeacher):
                with torch.no_grad():
                    seen = (self.average.network(images),)
                light = torch.rand((len(group), 2), generator=generator)[list(rows)]
                outputs = [self.trained(teacher.relit(images, light))]
            else:
                with self._chance(generator):
                    outputs = list(self.trained(images, (len(group), rows)))
                seen = tuple(outputs)
        if not batch.idle:
            target = teacher.write(target, seen, mix, self.step_number / self.total_steps)
        if (inside := moved_inside(self.run, batch)) is not None:
            target = replace(target, soft=target.soft * inside[:, None])
        parts = [self._terms(logits.float(), target, images, batch) for logits in outputs]
        return parts[0][0], torch.stack([total for _, total in parts]).mean()

    @contextmanager
    def _chance(self, generator: torch.Generator) -> Iterator[None]:
        """Let a network's own chance (dropout) be a function of the step, like all other chance."""
        place = self.device.device
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            torch.manual_seed(int(torch.randint(1 << 62, (), generator=generator)))
            yield

    def _terms(
        self, logits: Tensor, target: Target, images: Tensor, batch: Batch
    ) -> tuple[dict[str, float], Tensor]:
        total = logits.new_zeros(())
        values = {}
        progress = self.step_number / self.total_steps
        whole = background_outside(self.run, batch, logits) if self.run.reads & OF_THE_IMAGE else logits
        for name, term in zip(self.names, self.run.supervise, strict=True):
            weight = term.weight_at(progress)
            if weight > 0:
                value = term.loss(whole if term.loss.reads & OF_THE_IMAGE else logits, target, images)
                if not term.loss.reads:
                    value = image_mean(value, 0 if batch.idle else len(images))
                total = total + weight * value
                values[name] = float(value.detach())
        # A batch on which no term has anything to say still needs a graph.
        total = total if total.requires_grad else total + 0 * logits.sum()
        return values, total

    def _check(self, values: dict[str, float], names: tuple[str, ...]) -> None:
        for what, value in values.items():
            if not math.isfinite(value):
                self.optimizer.zero_grad(set_to_none=True)
                raise NonFiniteError(self.step_number + 1, names, what)

    def judge_start(self, score: Score) -> dict[str, float | int]:
        """Note how good the weights are that the run starts from: what comes of them must keep up."""
        record: dict[str, float | int] = {"epoch": 0, "step": 0, **self._judged(score)}
        self.history.append(record)
        return record

    def end_epoch(self, score: Score | None) -> dict[str, float | int]:
        """Close an epoch: note its mean losses and score, and keep the weights when they are the best."""
        record: dict[str, float | int] = {"epoch": self.epoch + 1, "step": self.step_number}
        record |= {f"loss/{name}": value / self.counts[name] for name, value in self.sums.items()}
        if score is not None:
            record |= self._judged(score)
        self.history.append(record)
        self.epoch, self.step_in_epoch = self.epoch + 1, 0
        self.sums.clear()
        self.counts.clear()
        return record

    def _judged(self, score: Score) -> dict[str, float | int]:
        record = score.told()
        kept = self.best is None or score.keeps_up(self.best)
        if kept:
            self.keep(score.offset)
        # Compared with the best of all, not with the kept: many small steps down are a fall.
        if self.best is None or score.key >= self.best.key or score.tells_more(self.best):
            self.best = score
        return record | {"kept": int(kept)}

    def keep(self, offset: float = 0.0) -> None:
        """Take the averaged weights of this moment as the selected ones.

        Args:
            offset: what is added to the background's logit: where held-out annotations draw the line.
        """
        weights = self.average.network.state_dict()
        own = {name: t for name, t in weights.items() if not name.startswith(TwinNetwork.PREFIX)}
        self.selected = {name: tensor.detach().clone() for name, tensor in own.items()}
        self.selected["offset"][0] = offset
        self.selected_step = self.step_number

    def chosen(self) -> Network:
        """Build the network of the selected weights, without an offset."""
        network = build_network(self.run.model, self.num_classes, self.run.seed, self.feed.tally.moments())
        network.load_state_dict(self.selected)
        network.offset.zero_()
        return network.to(self.device.device).eval()

    def to_checkpoint(self) -> Checkpoint:
        """Give everything that the next step depends on."""
        moments: Tensors = {}
        for number, parameter in enumerate(self.network.parameters()):
            for name, value in self.optimizer.state.get(parameter, {}).items():
                moments[f"{number}.{name}"] = value
        state: dict[str, Any] = {
            "data_sha256": self.data_sha256,
            "spent_s": self.spent_s(),
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "history": self.history,
            "sums": dict(self.sums),
            "counts": dict(self.counts),
            "best": None if self.best is None else [self.best.dice, self.best.likelihood],
            "selected_step": self.selected_step,
            "bfloat16": self.device.bfloat16,
        }
        tensors = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": moments,
            "selected": self.selected,
        }
        return Checkpoint(self.step_number, state, tensors)

    def from_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was made."""
        state, tensors = checkpoint.state, checkpoint.tensors
        self.network.load_state_dict(tensors["network"])
        self.average.network.load_state_dict(tensors["average"])
        for number, parameter in enumerate(self.network.parameters()):
            names = [n for n in tensors["optimizer"] if n.startswith(f"{number}.")]
            for name in names:
                value = tensors["optimizer"][name]
                place = "cpu" if value.ndim == 0 and not parameter.is_cuda else parameter.device
                layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
                moved = value.to(place, memory_format=layout)
                self.optimizer.state[parameter][name.split(".", 1)[1]] = moved
        self.step_number, self.epoch = checkpoint.step, int(state["epoch"])
        self.step_in_epoch = int(state["step_in_epoch"])
        self.history = list(state["history"])
        self.sums = defaultdict(float, state["sums"])
        self.counts = defaultdict(int, state["counts"])
        self._spent_before = float(state["spent_s"])
        self.best = None if state["best"] is None else Score(*state["best"])
        self.selected, self.selected_step = tensors["selected"], int(state["selected_step"])


def _name(number: int, run: Run) -> str:
    """Name a term by its loss, and by its place too where several have the same loss."""
    kinds = [term.loss.kind for term in run.supervise]
    return kinds[number] if kinds.count(kinds[number]) == 1 else f"{kinds[number]}-{number}"
