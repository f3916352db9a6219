"""`pointillist generate`: painted images with labels, beside the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.console import out, typed
from pointillist.cli.flags import flags
from pointillist.cli.train import lesson
from pointillist.models.vae import Vae
from pointillist.train.features import train_vae
from pointillist.train.generate import check_labelled, generate, train_head
from pointillist.train.generated_folder import check_new, write_generated
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
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="The auto-encoder's, over all images.")] = 40,
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
    check_new(out_folder)
    names = run.data.names("train")
    items = [supervised(run, name) for name in names]
    images = [item.sample.image for item in items]
    known = [(item.sample.image, item.known) for item in items]
    check_labelled(known)
    out.print(f"Training an auto-encoder on {len(images)} images, labelled or not.")
    network = train_vae(Vae(), images, seed, epochs)
    pairs = generate(network, train_head(network, known, seed), images, count or len(images), seed, mixing)
    write_generated(out_folder, run, pairs, confidence)
    labelled = sum(float((probs.max(0) >= confidence).mean()) for _, probs in pairs) / len(pairs)
    out.print(f"Painted {len(pairs)} images, {labelled:.0%} of their pixels labelled. Written: {out_folder}")
    out.print(f"Next:    pointillist train --data folder --root {typed(out_folder)} --size native")
