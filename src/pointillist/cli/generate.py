"""`pointillist generate`: painted images with labels, beside the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from pointillist.cli import choices
from pointillist.cli.console import out
from pointillist.cli.flags import flags
from pointillist.cli.train import lesson
from pointillist.core.text import typed
from pointillist.models.vae import Vae
from pointillist.train.evidence import gather
from pointillist.train.features import train_vae
from pointillist.train.generate import agreement, check_labelled, generate, train_head
from pointillist.train.generated_folder import check_shapes, claim, write_generated
from pointillist.train.supervise import supervised


@flags
def generate_command(
    source: choices.Source,
    drawing: choices.Drawing,
    told: choices.Told,
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="New folder for all images.")],
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Painted images; as many as real ones by default.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="The auto-encoder's; at least 600 steps by default."),
    ] = None,
    mixing: Annotated[
        float,
        typer.Option("--mixing", min=0, max=1, help="Largest share of a second image in a painted one."),
    ] = 0.5,
    confidence: Annotated[
        float,
        typer.Option("--confidence", min=0, max=1, help="Painted pixels less sure than this get no label."),
    ] = 0.9,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
) -> None:
    """Paint new labelled images from a few clicks; they and the real ones make a folder to train on."""
    run = lesson(source, drawing, told, seed)
    items = [supervised(run, name) for name in run.data.names("train")]
    known = [(item.sample.image, item.known) for item in items]
    check_labelled(known, run.data.classes)
    check_shapes(items)
    claim(out_folder)
    if gather(run).thin:
        out.print("Warning: these things are thin or scattered: an auto-encoder paints them away.")
    images = [image for image, _ in known]
    with Progress(console=out, transient=True) as bar:
        task = bar.add_task(f"Training an auto-encoder on {len(images)} images", total=1)
        network = train_vae(Vae(), images, seed, epochs, lambda done: bar.update(task, completed=done))
    head = train_head(network, known, seed)
    painted = generate(network, head, images, count or len(images), seed, mixing)
    write_generated(out_folder, run, painted, confidence)
    if (dice := agreement(head, run)) is not None:
        out.print(
            f"Labels read off the auto-encoder meet the validation images' annotations: Dice {dice:.2f}."
        )
    out.print(f"Written: {out_folder}, {len(painted)} painted images beside the real ones.")
    out.print(f"Look at: {out_folder / 'painted.png'}")
    size_range = " --size-range {:g} {:g}".format(*told.size_range) if told.size_range else ""
    out.print(
        f"Next:    pointillist train --data folder --root {typed(out_folder)} --size native{size_range}"
    )
