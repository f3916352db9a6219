"""A training that starts from another's weights: which they are, and whether they fit."""

from __future__ import annotations

from pathlib import Path

from pointillist.core import durable
from pointillist.core.durable import CorruptError
from pointillist.core.errors import InputError
from pointillist.train.network import Network
from pointillist.train.run import Run, Start
from pointillist.train.store import Tensors, read_model, read_run

_FIX = "Start from a run of the same, or leave 'start' out."


def start_at(folder: Path) -> Start:
    """Declare the weights of a finished run as a start.

    Raises:
        InputError: the run is unfinished or damaged.
    """
    return Start(run=folder.absolute(), sha256=_hash(folder))


def read_start(run: Run, channels: int) -> Tensors:
    """Read the weights that a run starts from.

    Args:
        run: with `start`.
        channels: C of its images.

    Raises:
        InputError: they are missing, damaged or not those that are declared, or are of another model, other
            classes or other channels.
    """
    start = run.start
    assert start is not None
    theirs = read_run(start.run)
    weights, about = read_model(start.run)
    if (found := _hash(start.run)) != start.sha256:
        fix = "Restore that run, or declare what it holds now as start.sha256, if that is meant."
        must = f"the weights to start from must have SHA-256 {start.sha256}"
        raise InputError(must, found, fix, start.run)
    for what, wanted, found in (
        ("model", run.model.to_json(), theirs.model.to_json()),
        ("classes", ", ".join(run.data.classes), ", ".join(about["classes"])),
        ("image channels", str(channels), str(about["channels"])),
    ):
        if wanted != found:
            raise InputError(f"the run to start from must have the {what} {wanted}", found, _FIX, start.run)
    return weights


def fill_from(run: Run, network: Network) -> None:
    """Put the weights that a run starts from into its network; where it draws the line is found anew.

    Raises:
        InputError: as `read_start`.
    """
    weights = read_start(run, network.channels)
    network.load_state_dict({**weights, "offset": network.offset})


def _hash(folder: Path) -> str:
    try:
        return durable.read_hashes(folder / "model")["model.safetensors"]
    except (CorruptError, KeyError):
        read_run(folder)
        read_model(folder)  # Says what is wrong with it.
        raise
