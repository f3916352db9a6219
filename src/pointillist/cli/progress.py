"""Looking on while a run trains: a bar with losses, speed and time left, and TensorBoard logs."""

from __future__ import annotations

import importlib.util
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pointillist.cli.console import err

_SPAN = 20


class TrainingBar:
    """A `Watch` for people; used as a context manager.

    Args:
        title: before the bar.
        logs: folder for TensorBoard's files; None: no logs.
        quiet: no bar (another process shows it).
    """

    def __init__(self, title: str, logs: Path | None = None, quiet: bool = False) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}", markup=False),
        )
        self.progress = Progress(*columns, console=err, disable=quiet, transient=not err.is_terminal)
        self.task = self.progress.add_task(title, total=None, rate="", losses="")
        self.quiet = quiet
        self.times: deque[tuple[float, int]] = deque(maxlen=_SPAN)
        self.seen = 0
        self.logs = None if quiet else logs
        self.log: Any = None

    def __enter__(self) -> TrainingBar:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()
        if self.log is not None:
            self.log.close()

    def begin(self, total_steps: int, done: int) -> None:
        """Set the bar's length, and open the logs: not earlier, or a refused run would leave a folder."""
        if self.logs is not None:
            self.log = _writer(self.logs, done)
        self.progress.update(self.task, total=total_steps, completed=done)

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        """Move the bar."""
        self.seen += images
        self.times.append((time.monotonic(), self.seen))
        (first, before), (last, now) = self.times[0], self.times[-1]
        rate = f"{(now - before) / (last - first):.0f} images/s" if last > first else ""
        text = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self.progress.update(self.task, completed=step, rate=rate, losses=text)
        if self.log is not None:
            for name, value in losses.items():
                self.log.add_scalar(f"step/{name}", value, step)
            if last > first:
                self.log.add_scalar("step/images_per_s", (now - before) / (last - first), step)

    def epoch(self, record: dict[str, float | int]) -> None:
        """Log an epoch's means."""
        if self.log is not None:
            for name, value in record.items():
                if "/" in name:
                    self.log.add_scalar(f"epoch/{name}", value, record["step"])

    def say(self, message: str) -> None:
        """Print above the bar."""
        if not self.quiet:
            self.progress.console.print(message, soft_wrap=True)


def _writer(logs: Path, done: int) -> Any:
    # TensorBoard is an optional extra: without it a run has its history in JSON alone.
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(logs), purge_step=done + 1)
