"""The `pointillist` command, and `python -m pointillist` for launchers such as torchrun."""

import os
import signal
from types import FrameType


def _end(signum: int, _: FrameType | None) -> None:
    os._exit(128 + signum)


# What is imported takes a second or two, in which Ctrl+C would end in the traceback of some library.
# Where whoever began the command has it ignore the signal, it goes on ignoring it.
_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)

from pointillist.cli import main  # noqa: E402

signal.signal(signal.SIGINT, _before)

if __name__ == "__main__":
    main()
