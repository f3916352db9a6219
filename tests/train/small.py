"""A run so small that it trains in a second."""

from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch

from pointillist.annotate import PointsAnnotator
from pointillist.datasets import Synthetic
from pointillist.models import Unet
from pointillist.train.device import Device
from pointillist.train.loop import Options, train
from pointillist.train.run import Run

CPU = Device(torch.device("cpu"), bfloat16=False)


class Silent:
    """A `Watch` that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.total_steps = self.done = 0
        self.steps: list[int] = []
        self.records: list[dict[str, float | int]] = []

    def begin(self, total_steps: int, done: int) -> None:
        self.total_steps, self.done = total_steps, done

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        self.steps.append(step)

    def epoch(self, record: dict[str, float | int]) -> None:
        self.records.append(record)

    def say(self, message: str) -> None:
        self.said.append(message)


def small_run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "data": Synthetic(size=(24, 32), train=5, val=3, test=3),
        "annotate": PointsAnnotator(positive=3, negative=3),
        "model": Unet(widths=(4, 8)),
        "epochs": 4,
        "batch": 2,
        "precision": "float32",
    }
    return Run(**{**fields, **changes})


def train_small(run: Run, folder: Path, **options: Any) -> Silent:
    watch = Silent()
    train(run, folder, CPU, watch, Options(**options))
    return watch


class Teller(Silent):
    """Tells the process that will kill this one that the first step begins."""

    def __init__(self, begun: Event) -> None:
        super().__init__()
        self.begun = begun

    def begin(self, total_steps: int, done: int) -> None:
        super().begin(total_steps, done)
        self.begun.set()


def train_and_tell(run: Run, folder: Path, begun: Event) -> None:
    """Train in a process of its own, and save at every step."""
    torch.set_num_threads(1)
    train(run, folder, CPU, Teller(begun), Options(save_every_s=0.0))
