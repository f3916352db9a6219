"""Flags that say what carries out the runs of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from pointillist.core.errors import InputError
from pointillist.study.engine import Engine
from pointillist.study.local import Local
from pointillist.study.ray_engine import OnRay

_PANEL = "What carries out the runs"
StudiesFolder = Annotated[Path, typer.Option("--out", "-o", help="Where studies' folders go.")]
STUDIES = Path("runs/studies")


@dataclass(frozen=True)
class Carrying:
    """Flags of a study's engine."""

    engine: Annotated[
        Literal["local", "ray"],
        typer.Option("--engine", help="Processes of this machine, or Ray.", rich_help_panel=_PANEL),
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Runs at a time; one for two cores by default.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option("--address", help="HOST:PORT of a Ray cluster's head.", rich_help_panel=_PANEL),
    ] = None
    gpus: Annotated[
        float,
        typer.Option(
            "--gpus", min=0, help="With Ray: share of a GPU for each run, like 0.25.", rich_help_panel=_PANEL
        ),
    ] = 0.0


def engine_of(carrying: Carrying) -> Engine:
    """Make the engine that the flags ask for.

    Raises:
        InputError: flags of Ray beside another engine, or Ray is missing.
    """
    if carrying.engine == "ray":
        return OnRay(carrying.workers, carrying.address, gpus=carrying.gpus)
    if carrying.address is not None or carrying.gpus:
        raise InputError("--address and --gpus are for Ray", "the local engine", "Add --engine ray.")
    return Local(carrying.workers)
