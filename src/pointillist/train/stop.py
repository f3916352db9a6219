"""Stopping politely: a signal ends the training at the next step's boundary, with everything saved."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from pointillist.core.loading import SIGNALS


class StoppedError(Exception):
    """The training was asked to stop and has saved its state.

    Args:
        signum: the signal; a program that it stops exits with 128 + its number.
        step: steps done.
    """

    def __init__(self, signum: int, step: int) -> None:
        self.signum, self.step = signum, step
        super().__init__(f"stopped by {signal.Signals(signum).name} after step {step}; everything is saved")


class NonFiniteError(Exception):
    """The loss or a gradient became NaN or infinite; no such weights are kept.

    Args:
        step: the step that failed.
        names: the samples in its batch.
        what: which term.
    """

    def __init__(self, step: int, names: tuple[str, ...], what: str) -> None:
        self.step, self.names = step, names
        super().__init__(
            f"{what} is not finite at step {step}, in the batch of {', '.join(names)}. The last checkpoint "
            "is from before it. Look at these images and labels, or lower learning_rate."
        )


class Listener:
    """Notes the first signal instead of dying by it; a second changes nothing while the state is saved.

    Args:
        names: of the signals that it hears.
    """

    def __init__(self, names: Sequence[str] = SIGNALS) -> None:
        self._names = names
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Listener:
        for name in self._names:
            number = getattr(signal, name)
            try:
                self._before[number] = signal.signal(number, self._note)
            except ValueError:  # Only the main thread may listen; elsewhere the caller decides.
                break
        return self

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.signum = self.signum or signum

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


AGAIN_S = 5.0
"""A signal that comes again within so long is the same request: `timeout` sends two."""


class Interrupter(Listener):
    """Lets other signals end what goes on as Ctrl+C does, where nobody else listens, and notes the first."""

    def __init__(self) -> None:
        super().__init__([name for name in SIGNALS if name != "SIGINT"])
        self._last = -math.inf

    def _note(self, signum: int, frame: FrameType | None) -> None:
        super()._note(signum, frame)
        before, self._last = self._last, time.monotonic()
        if self._last - before > AGAIN_S:
            # Nothing of our own: libraries that wait, such as Ray, let nothing else through.
            raise KeyboardInterrupt
