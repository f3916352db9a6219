"""Where a training runs: device, precision, threads, and its place among several processes."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from pointillist.core.errors import InputError
from pointillist.train.run import Precision
from pointillist.train.synced import synced

# Numbers of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Device:
    """One process's device and precision.

    Args:
        device: torch's name for it.
        bfloat16: whether the forward pass computes in bfloat16.
        rank: of this process.
        world: number of processes.
    """

    device: torch.device
    bfloat16: bool
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the chosen precision inside."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Let several processes train one network."""
        if self.world == 1:
            return network
        ids = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(synced(network), device_ids=ids)

    @property
    def precision(self) -> str:
        """Name the precision of the forward pass."""
        return "bfloat16" if self.bfloat16 else "float32"

    def largest(self, number: int) -> int:
        """Give the largest of the processes' numbers: a signal to one of them stops all at the same step."""
        if self.world == 1:
            return number
        shared = torch.tensor(number, device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return int(shared)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a training step is faster in bfloat16 than in float32 there.

    Measured by `benchmarks/train_step.py` on Intel's processors: with AMX it is three times as fast; with
    AVX-512 BF16 alone it takes 1.45 times as long, as these instructions multiply no more numbers in a cycle
    than float32's do. AMD's multiply twice as many; we have not measured there. Where bfloat16 is emulated it
    is many times slower.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    if torch.cpu._is_amx_tile_supported():
        return True
    return torch.cpu._is_avx512_bf16_supported() and "GenuineIntel" not in _processor()


def _processor() -> str:
    """Describe the processor, with its vendor's name where the system tells it."""
    about = Path("/proc/cpuinfo")
    return about.read_text(errors="replace") if about.is_file() else platform.processor()


def keep_freed_memory(largest: int = 1 << 30, trim: int = (1 << 31) - 1) -> None:
    """Let glibc keep large freed blocks, which every training step asks for again.

    Without it the larger feature maps go back to the system at each step and are faulted in anew:
    `benchmarks/train_step.py` shows what that costs.

    Args:
        largest: blocks up to this many bytes are kept.
        trim: bytes that may lie free before some are given back.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_THRESHOLD, largest)
        libc.mallopt(_TRIM_THRESHOLD, trim)


def _named(name: str, local: int) -> torch.device:
    try:
        if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
            raise RuntimeError("no such device")
        device = torch.device(f"cuda:{local}" if name == "cuda" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        fix = "Leave --device out, or name cpu or cuda."
        raise InputError(
            "--device must be at hand", f"{name!r} ({str(error).splitlines()[0]})", fix
        ) from None
    return device


def leave_processes() -> None:
    """Part from the other processes, when there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def find_device(precision: Precision = "auto", name: str | None = None) -> Device:
    """Choose the device: the named one, else the first GPU, else the CPU; join other processes if started so.

    Several processes come from `torchrun --nproc-per-node N -m pointillist ...`.

    Raises:
        InputError: the named device is not there.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = _named(name or ("cuda" if torch.cuda.is_available() else "cpu"), local)
    if world > 1 and not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision != "float32"
    bfloat16 = precision == "bfloat16" or (precision == "auto" and computes_bfloat16(device))
    return Device(device, bfloat16, rank, world)
