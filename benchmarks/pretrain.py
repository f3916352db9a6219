"""Make the weights that networks start from, by learning painted images: no real image is used.

    python benchmarks/pretrain.py curves       # of Unet(start="curves")
    python benchmarks/pretrain.py objects      # of PretrainedUnet(decoder="objects")

Writes them into the package, with a card that describes the run in full.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from safetensors.torch import save

from pointillist.core import durable
from pointillist.data.augment import Augment
from pointillist.datasets import Synthetic
from pointillist.losses import CrossEntropy, Dice
from pointillist.models import PretrainedUnet, Unet
from pointillist.models.painted import Painted, card_file, weights_file
from pointillist.train.evaluate import load_trained
from pointillist.train.loop import train
from pointillist.train.run import Run
from pointillist.train.term import Term

MODEL, ENCODER = "model.", "encoder."
"""Before the names of the network's own tensors (the others are its normalisation), and of ImageNet's."""
LIKE_MASKS = (Term(loss=CrossEntropy()), Term(loss=Dice()))


def run_of(scene: Painted) -> Run:
    """Describe the training on a scene."""
    if scene == "curves":
        return Run(
            data=Synthetic(scene="curves", train=2400, val=0, test=0, seed=20),
            model=Unet(),
            supervise=LIKE_MASKS,
            augment=Augment(rotate_degrees=45, scale=0.3, brightness=0.1, contrast=0.3, saturation=0.3),
            crop=96,
            epochs=12,
            batch=8,
            learning_rate=2e-3,
            average=0.995,
            select="last",
        )
    return Run(
        data=Synthetic(scene="objects", train=1600, val=0, test=0, seed=20),
        model=PretrainedUnet(freeze=True),
        supervise=LIKE_MASKS,
        augment=Augment(rotate_degrees=180, scale=0.3, brightness=0.2, contrast=0.3, saturation=0.3),
        epochs=6,
        batch=8,
        learning_rate=1e-3,
        average=0.99,
        select="last",
    )


def main(scene: Painted, runs: Annotated[Path, typer.Option("--runs")] = Path("runs/pretrain")) -> None:
    """Train, or go on, and write the weights."""
    run, folder = run_of(scene), runs / scene
    train(run, folder)
    trained = load_trained(folder)
    state = trained.network.state_dict()
    own = {name.removeprefix(MODEL): t for name, t in state.items() if name.startswith(MODEL)}
    if scene == "objects":  # The encoder's are ImageNet's, and not ours to pass on.
        own = {name: t for name, t in own.items() if not name.startswith(ENCODER)}
    data = save({name: t.half().contiguous() if t.is_floating_point() else t for name, t in own.items()})
    durable.write_bytes(weights_file(scene), data)
    made = trained.about["environment"]
    card = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "made_by": f"python benchmarks/pretrain.py {scene}",
        "train_s": made["train_s"],
        "run": json.loads(run.to_json()),
    }
    durable.write_text(card_file(scene), json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
