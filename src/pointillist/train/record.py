"""What is written beside a run: where and with what it was computed."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from pointillist.train.device import Device
from pointillist.train.run import Run


def environment(run: Run, data_sha256: str, device: Device) -> dict[str, Any]:
    """Note what a run's result may depend on beyond its description."""
    return {
        "run": run.id,
        "commit": _commit(),
        "versions": versions(),
        "python": platform.python_version(),
        "device": _name(device),
        "processes": device.world,
        "threads": torch.get_num_threads(),
        "precision": device.precision,
        "data_sha256": data_sha256,
    }


def versions() -> dict[str, str]:
    """Give the versions of the packages that compute."""
    return {name: version(name) for name in ("pointillist", "torch", "numpy", "scipy", "pillow")}


def _name(device: Device) -> str:
    if device.device.type == "cuda":
        return torch.cuda.get_device_name(device.device)
    return f"{platform.machine()} CPU"


def _commit() -> str | None:
    """Give the commit of the checkout that runs; None for an installed package."""
    package = Path(__file__).parents[1]
    command = ["git", "-C", str(package), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return None
    top, commit = found.stdout.split("\n")[:2]
    return commit if Path(top) / "src" / "pointillist" == package else None
