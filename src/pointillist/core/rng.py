"""Stateless randomness: every draw is a function of (seed, what it is for), never of what came before."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def _digest(seed: int, keys: tuple[object, ...]) -> bytes:
    text = "\x1f".join([str(int(seed)), *(f"{type(key).__name__}:{key}" for key in keys)])
    return hashlib.sha256(text.encode()).digest()


def numpy_rng(seed: int, *keys: object) -> np.random.Generator:
    """Give the NumPy generator that belongs to (seed, keys).

    >>> float(numpy_rng(0, "IMD002", "clicks").random()) == float(numpy_rng(0, "IMD002", "clicks").random())
    True
    """
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, keys)[:16], "big")))


def torch_rng(seed: int, *keys: object) -> torch.Generator:
    """Give the CPU torch generator that belongs to (seed, keys)."""
    generator = torch.Generator()
    generator.manual_seed(int.from_bytes(_digest(seed, keys)[16:24], "big") >> 1)
    return generator
