"""`pointillist train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from pointillist.cli import choices
from pointillist.cli.console import err, out, seconds
from pointillist.cli.devices import launch, together
from pointillist.cli.flags import flags, given, refuse
from pointillist.cli.progress import TrainingBar
from pointillist.core import durable
from pointillist.core.change import with_changes
from pointillist.core.config import read_yaml, validated
from pointillist.core.errors import InputError
from pointillist.core.text import typed
from pointillist.datasets import AnyDataset
from pointillist.datasets.dataset import SPLITS
from pointillist.train.bounds import SizeBounds
from pointillist.train.describe import default_run
from pointillist.train.device import Device, find_device, leave_processes
from pointillist.train.loop import Options, train
from pointillist.train.recipe import RECIPES, Choice, apply_recipe
from pointillist.train.run import Run
from pointillist.train.store import read_model, read_run


def default_folder(out_folder: Path, run: Run) -> Path:
    """Name a run's folder by its data and its id."""
    return out_folder / f"{run.data.kind}-{run.id}"


@flags
def train_command(
    context: typer.Context,
    source: choices.Source,
    drawing: choices.Drawing,
    told: choices.Told,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN.YAML] [PATH=VALUE]...", help="A run's description, and one-off changes to it."
        ),
    ] = None,
    recipe: Annotated[str, typer.Option("--recipe", help=f"How to learn: {', '.join(RECIPES)}.")] = "auto",
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the images.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Where runs' folders go.")] = Path("runs"),
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the run in this folder.")
    ] = None,
    device: choices.DeviceName = None,
    precision: choices.PrecisionName = "auto",
    devices: Annotated[
        int, typer.Option("--devices", min=1, help="Train one run on so many GPUs, or processes of a CPU.")
    ] = 1,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Readers of data that is large.")] = 0,
    show: Annotated[bool, typer.Option("--show", help="Print the run as JSON and stop.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the run into this new YAML file and stop.")
    ] = None,
) -> None:
    """Train on full masks, on simulated annotations, or on annotation files.

    Typed again, the same command goes on where it stopped.
    """
    typed_in, choice = given(context), None
    if resume is not None:
        refuse(_except(typed_in, BESIDE_RESUME), "--resume", "The run's folder describes it.")
        run, folder = read_run(resume), resume
    else:
        file, changes = _split(arguments or [])
        if file is not None:
            fix = "It is complete, with how to learn; write other changes as path=value."
            refuse(_except(typed_in, BESIDE_YAML), file.name, fix)
            run = validated(Run, read_yaml(file), file)
        else:
            run, choice = apply_recipe(lesson(source, drawing, told, seed), recipe)
        values = {"epochs": epochs, "precision": precision, "seed": seed}
        run = with_changes(
            run, [f"{flag}={values[flag]}" for flag in sorted(values.keys() & typed_in)] + changes
        )
        if out_folder.exists() and not out_folder.is_dir():
            raise InputError("--out must be a folder", "a file", "Name another.", out_folder)
        folder = default_folder(out_folder, run)
    if show or write is not None:
        return _describe(run, recipe, choice, show, write)
    if devices > 1 and not together():
        launch(sys.argv[1:], devices, device)
    processor = find_device(run.precision, device)
    if choice is not None and processor.leads:
        say_choice(recipe, choice, out)
    train_run(run, folder, processor, Options(workers=workers))


BESIDE_RESUME = {"resume", "device", "devices", "workers", "show", "write"}
BESIDE_YAML = BESIDE_RESUME - {"resume"} | {"arguments", "epochs", "precision", "seed", "out_folder"}


def _split(arguments: list[str]) -> tuple[Path | None, list[str]]:
    """Tell a run's file from changes; a file may well be called lr=0.1.yaml."""
    if arguments and ("=" not in arguments[0] or Path(arguments[0]).is_file()):
        return Path(arguments[0]), arguments[1:]
    return None, arguments


def _except(typed_in: dict[str, str], allowed: set[str]) -> list[str]:
    return [flag for name, flag in typed_in.items() if name not in allowed]


def lesson(source: choices.Source, drawing: choices.Drawing, told: choices.Told, seed: int) -> Run:
    """Describe from flags what a run learns from; how it learns is left at the defaults.

    Raises:
        InputError: flags that exclude each other, or have no effect.
    """
    if told.annotations is not None:
        fix = "Files take the place of simulation."
        refuse(choices.changed_flags(drawing), "--annotations", fix)
    data = choices.choose_data(source.data, source.root, source.size)
    run = default_run(data, choices.choose_annotator(drawing), told.annotations, seed)
    fields: dict[str, object] = {}
    if told.use_masks:
        if run.annotate is not None:
            fix = "Add --annotations DIR; without them masks are used anyway, or what is simulated from them."
            raise InputError("--use-masks needs images with annotation files", "none", fix)
        fields["use_masks"] = True
    if told.size_range is not None:
        fields["sizes"] = _size_bounds(told.size_range, data.classes)
    return run.model_copy(update=fields)


def _size_bounds(shares: tuple[float, float], classes: tuple[str, ...]) -> SizeBounds:
    if len(classes) != 2:
        fix = "Simulate or write size marks: 'size' in docs/annotations.md."
        raise InputError("--size-range needs a single foreground class", ", ".join(classes[1:]), fix)
    low, high = shares
    if not 0 <= low <= high <= 1:
        fix = "For example --size-range 0.05 0.4."
        raise InputError(
            "--size-range must be two shares from 0 to 1, the lower first", f"{low:g} {high:g}", fix
        )
    return SizeBounds(low=(low,), high=(high,))


def say_choice(recipe: str, choice: Choice, console: Console) -> None:
    """Say what a recipe chose, and why."""
    console.print(f"Recipe {recipe}: {choice.what}", soft_wrap=True)
    console.print(f"because of {choice.why}", soft_wrap=True)


def _describe(run: Run, recipe: str, choice: Choice | None, show: bool, write: Path | None) -> None:
    """Print a run or write it, in place of training."""
    if choice is not None:
        say_choice(recipe, choice, err if show else out)
    if show:
        out.print_json(run.to_json())
    if write is not None:
        if write.exists():
            found = "a folder" if write.is_dir() else "a file with something in it"
            raise InputError("--write must name a new file", found, "Name another: nothing is lost.", write)
        durable.write_text(write, yaml.safe_dump(run.model_dump(mode="json"), sort_keys=False))
        (err if show else out).print(
            f"Written: {write}\nNext:    pointillist train {typed(write)}", soft_wrap=True
        )


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
    following = (
        f"evaluate {typed(folder)}" if _measurable(run.data) else f"predict {typed(folder)} IMAGES -o FOLDER"
    )
    out.print(f"Written: {folder}\nNext:    pointillist {following}")


def _measurable(data: AnyDataset) -> bool:
    """Whether the first image of a split has a mask."""
    firsts = (data.names(split)[:1] for split in SPLITS)
    return any(data.read(name).mask is not None for names in firsts for name in names)
