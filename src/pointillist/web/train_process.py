"""The process that trains: a run on standard input, one line of JSON for each epoch on standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.study.local import end_with
from pointillist.train.loop import train
from pointillist.train.run import Run
from pointillist.train.stop import NonFiniteError, StoppedError


class Lines:
    """A `Watch` that tells by lines."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def begin(self, total_steps: int, done: int) -> None:
        """Say that it has begun."""
        _say({"state": "running", "epoch": 0, "epochs": self.epochs})

    def step(self, step: int, losses: dict[str, float], images: int) -> None:
        """Say nothing: an epoch is news enough."""

    def epoch(self, record: dict[str, float | int]) -> None:
        """Tell an epoch's loss and held-out score."""
        losses = [value for name, value in record.items() if name.startswith("loss/")]
        told = {"epoch": record["epoch"], "epochs": self.epochs, "loss": sum(losses) if losses else None}
        _say({"state": "running", **told, "held_out": record.get("held_out/dice")})

    def say(self, message: str) -> None:
        """Say nothing: there is nobody at the terminal."""


def _say(news: dict[str, object]) -> None:
    print(json.dumps(news), flush=True)


def main() -> None:
    """Train the run on standard input into the folder that is named; end with the server, a process."""
    end_with(int(sys.argv[2]))
    run = validated(Run, sys.stdin.read(), text=True)
    try:
        train(run, Path(sys.argv[1]), watch=Lines(run.epochs))
    except StoppedError as error:
        sys.exit(128 + error.signum)  # Whoever asked for it knows.
    except (InputError, NonFiniteError) as error:
        _say({"state": "failed", "message": str(error)})
        sys.exit(2 if isinstance(error, InputError) else 1)


if __name__ == "__main__":
    main()
