"""One training on several devices: the command begins itself once for each."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import torch

from pointillist.core.errors import InputError
from pointillist.study.local import share_cores


def together() -> bool:
    """Whether this process is one of several that train together."""
    return "WORLD_SIZE" in os.environ


def launch(arguments: Sequence[str], devices: int, device: str | None) -> NoReturn:
    """Become the launcher of so many processes of the same command.

    Args:
        arguments: of the command.
        devices: how many.
        device: the one that was named; None: GPUs where there are any.

    Raises:
        InputError: there are not so many.
    """
    on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
    there = torch.cuda.device_count() if on_gpu else os.cpu_count() or 1
    if devices > there:
        what = "GPUs" if on_gpu else "cores"
        raise InputError(
            f"--devices must be at most the number of {what}", f"{devices} of {there}", "Ask for fewer."
        )
    if device is not None and ":" in device:
        raise InputError(
            "--devices must go with a kind of device", device, f"Say --device {device.split(':')[0]}."
        )
    share_cores(devices)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(devices)]
    command = [sys.executable, *launcher, "-m", "pointillist", *arguments]
    # In place of this process, so that signals reach the launcher, which hands them on.
    os.execv(sys.executable, command)
