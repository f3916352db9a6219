"""`pointillist train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.annotate import AnyAnnotator
from pointillist.cli import choices
from pointillist.cli.console import out, seconds, typed
from pointillist.cli.progress import TrainingBar
from pointillist.core.config import read_yaml, validated, with_changes
from pointillist.core.errors import InputError
from pointillist.datasets import AnyDataset
from pointillist.losses import CrossEntropy, Dice
from pointillist.train.device import Device, find_device, leave_processes
from pointillist.train.loop import Options, train
from pointillist.train.run import Run
from pointillist.train.store import read_model, read_run
from pointillist.train.term import Term


def default_folder(out_folder: Path, run: Run) -> Path:
    """Name a run's folder by its data and its id."""
    return out_folder / f"{run.data.kind}-{run.id}"


def train_command(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN.YAML] [PATH=VALUE]...", help="A run's description, and one-off changes to it."
        ),
    ] = None,
    data: choices.Data = "synthetic",
    root: choices.Root = None,
    size: choices.Size = None,
    clicks: choices.Clicks = None,
    negative: choices.Negative = None,
    strategy: choices.Strategy = "random",
    radius: choices.Radius = 0.0,
    jitter: choices.Jitter = 0.0,
    mistakes: choices.MistakeRate = 0.0,
    density: choices.DensityShare = None,
    annotations: Annotated[
        Path | None, typer.Option("--annotations", help="Folder of annotation files, by image name.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the images.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Where runs' folders go.")] = Path("runs"),
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the run in this folder.")
    ] = None,
    device: choices.DeviceName = None,
    precision: choices.PrecisionName = "auto",
    workers: Annotated[int, typer.Option("--workers", min=0, help="Readers of data that is large.")] = 0,
    show: Annotated[bool, typer.Option("--show", help="Print the run as JSON and stop.")] = False,
) -> None:
    """Train on full masks, on simulated clicks, or on annotation files.

    Typed again, the same command goes on where it stopped.
    """
    given = _given(context)
    if resume is not None:
        _refuse(given - {"resume", "device", "workers", "show"}, "--resume", "The run's folder describes it.")
        run, folder = read_run(resume), resume
    else:
        changes = list(arguments or [])
        described = bool(changes) and "=" not in changes[0]
        if described:
            path = Path(changes.pop(0))
            fix = "Write other changes as path=value."
            _refuse(given - BESIDE_YAML, path.name, fix)
            run = validated(Run, read_yaml(path), path)
        else:
            if annotations is not None:
                _refuse(given & SIMULATION, "--annotations", "Files take the place of simulation.")
            annotator = choices.choose_annotator(
                clicks, negative, strategy, radius, jitter, mistakes, density
            )
            run = describe_run(choices.choose_data(data, root, size), annotator, annotations, seed)
        flags = {"epochs": epochs, "precision": precision, "seed": seed}
        run = with_changes(run, [f"{flag}={flags[flag]}" for flag in sorted(flags.keys() & given)] + changes)
        if out_folder.exists() and not out_folder.is_dir():
            raise InputError("--out must be a folder", "a file", "Name another.", out_folder)
        folder = default_folder(out_folder, run)
    if show:
        return out.print_json(run.to_json())
    train_run(run, folder, find_device(run.precision, device), Options(workers=workers))


SIMULATION = {"clicks", "negative", "strategy", "radius", "jitter", "mistakes", "density"}
BESIDE_YAML = {"arguments", "epochs", "precision", "seed", "out_folder", "device", "workers", "show"}


def _given(context: typer.Context) -> set[str]:
    """List what was typed, as against left at its default."""
    typed = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in typed.items() if source is not None and source.name == "COMMANDLINE"}


def _refuse(flags: set[str], beside: str, fix: str) -> None:
    if flags:
        names = ", ".join(sorted(flag.replace("_", "-") for flag in flags))
        raise InputError(f"nothing else may describe the run beside {beside}", names, fix)


def describe_run(data: AnyDataset, annotate: AnyAnnotator, annotations: Path | None, seed: int) -> Run:
    """Describe a run by what the flags chose and the defaults that suit the data set's images.

    Annotations that came with a folder are used before its masks, which then only measure.
    """
    if annotations is not None and not annotations.is_dir():
        found = "a file" if annotations.exists() else "nothing there"
        raise InputError("--annotations must be a folder", found, "Name it.", annotations)
    own = data.annotated and annotate.kind == "full"
    terms = [Term(loss=CrossEntropy())]
    if annotate.kind in ("full", "density") and not own and annotations is None:
        # Where whole regions are labelled, Dice balances what is thin or small; few clicks have no area.
        terms.append(Term(loss=Dice()))
    fields = {
        "data": data,
        "annotate": None if own or annotations is not None else annotate,
        "annotations": None if annotations is None else annotations.absolute(),
        "supervise": terms,
        "crop": data.crop,
        "crops_per_image": data.crops_per_image,
        "epochs": data.epochs,
        "batch": data.batch,
        "learning_rate": data.learning_rate,
        "seed": seed,
    }
    return validated(Run, fields)


def train_run(run: Run, folder: Path, device: Device, options: Options) -> None:
    """Train with a progress bar and say what came out and what to type next."""
    with TrainingBar(f"{run.data.kind} {run.id}", folder / "tensorboard", quiet=not device.leads) as bar:
        train(run, folder, device, bar, options)
    leave_processes()
    if not device.leads:
        return
    _, about = read_model(folder)
    cost, held_out = about["annotation"]["train"], about["annotation"]["val"]
    kept = f"kept step {about['selected_step']} of {about['steps']}"
    out.print(
        f"Trained in {seconds(about['environment']['train_s'])} on {cost['annotated']} annotated images "
        f"({seconds(cost['seconds'])} of annotation); {kept}, "
        f"chosen on {held_out['annotated']} more ({seconds(held_out['seconds'])}).",
    )
    out.print(f"Written: {folder}\nNext:    pointillist evaluate {typed(folder)}")
