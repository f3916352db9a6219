"""A run's folder: its description, its checkpoints and its weights, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from pointillist.core import durable
from pointillist.core.config import validated
from pointillist.core.durable import CorruptError
from pointillist.core.errors import InputError
from pointillist.train.run import Run

KEPT = 3
FORMAT = "pointillist-model-1"
Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped.

    Args:
        step: steps done.
        state: plain data: history, the best score so far.
        tensors: named groups of tensors: weights, averages, optimizer, selected weights.
    """

    step: int
    state: dict[str, Any]
    tensors: dict[str, Tensors]


def read_run(folder: Path) -> Run:
    """Read a run's description.

    Raises:
        InputError: the folder is no run's, or its description is wrong.
    """
    path = folder / "run.json"
    if not path.is_file():
        found = "no such folder" if not folder.is_dir() else "a folder without run.json"
        fix = "Name a folder that 'pointillist train' made."
        raise InputError("a run's folder must exist", found, fix, folder)
    return validated(Run, path.read_bytes(), path, text=True)


def write_run(folder: Path, run: Run) -> None:
    """Write the description of a run, or check that the folder already holds this very run.

    Raises:
        InputError: the folder holds another run.
    """
    if (folder / "run.json").is_file():
        if (found := read_run(folder)) != run:
            fix = "Choose another folder with --out, or delete this one."
            raise InputError(f"the folder must hold run {run.id}", f"run {found.id}", fix, folder)
        return
    durable.write_json(folder / "run.json", run.model_dump(mode="json"))


def _finite(tensors: dict[str, Tensors]) -> str | None:
    for group, named in tensors.items():
        for name, tensor in named.items():
            if not bool(torch.isfinite(tensor).all()):
                return f"{group}/{name}"
    return None


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as one generation and delete all but the newest three.

    Raises:
        ValueError: a tensor holds NaN or infinity; nothing is written then.
    """
    if (bad := _finite(checkpoint.tensors)) is not None:
        raise ValueError(f"a checkpoint must be finite, but {bad} is not")
    target = folder / "checkpoints" / f"step-{checkpoint.step:08d}"
    if target.exists():  # A damaged one: the steps after its predecessor were trained again.
        durable.delete_generation(target)
    files = {f"{group}.safetensors": _packed(named) for group, named in checkpoint.tensors.items()}
    state = {"format": 1, "step": checkpoint.step, **checkpoint.state}
    files["state.json"] = json.dumps(state, allow_nan=False).encode()
    durable.write_generation(target, files)
    for old in _generations(folder)[KEPT:]:
        durable.delete_generation(old)


def _packed(named: Tensors) -> bytes:
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in named.items()})


def _generations(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").glob("step-*"), reverse=True)


def read_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Read the newest checkpoint that matches its manifest, and say what was wrong with newer ones.

    Returns:
        the checkpoint (None when the run has none at all) and warnings.

    Raises:
        InputError: there are checkpoints and none of them is whole.
    """
    warnings: list[str] = []
    generations = _generations(folder)
    for generation in generations:
        try:
            files = durable.read_generation(generation)
            state = json.loads(files.pop("state.json"))
            tensors = {name.removesuffix(".safetensors"): load(data) for name, data in files.items()}
            return Checkpoint(int(state["step"]), state, tensors), warnings
        except (CorruptError, SafetensorError, ValueError, KeyError) as error:
            lost = f"{generation.name} is damaged ({error}); falling back to the one before it"
            warnings.append(f"{lost}, the steps between are trained again.")
    if generations:
        fix = "Restore the folder from a backup, or delete its checkpoints to train from the start."
        raise InputError("a checkpoint must match its manifest", "; ".join(warnings), fix, folder)
    return None, warnings


def write_model(folder: Path, weights: Tensors, about: dict[str, Any]) -> None:
    """Write a trained network's weights, replacing none: a finished run stays as it is."""
    about = {"format": FORMAT, **about}
    files = {"model.safetensors": _packed(weights), "about.json": json.dumps(about, indent=1).encode()}
    durable.write_generation(folder / "model", files)


def read_model(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """Read a trained network's weights and what is said about them.

    Raises:
        InputError: the run is unfinished, or a file differs from what was written.
    """
    if not (folder / "model").is_dir():
        fix = f"Finish it first: pointillist train --resume {folder}"
        raise InputError("the run must be finished", "a run without a model", fix, folder)
    try:
        files = durable.read_generation(folder / "model")
        weights = load(files["model.safetensors"])
        about: dict[str, Any] = dict(json.loads(files["about.json"]))
    except (CorruptError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        fix = "Restore the folder from a backup, or train again."
        raise InputError("the model must match its manifest", str(error), fix, folder) from None
    if about.get("format") != FORMAT:
        fix = "Use that version, or train again."
        raise InputError("the model must be of this version's form", f"{about.get('format')!r}", fix, folder)
    if (bad := _finite({"model": weights})) is not None:
        raise InputError("weights must be finite", f"NaN or infinity in {bad}", "Train again.", folder)
    return weights, about
