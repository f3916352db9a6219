"""DRIVE: weak annotations of thin things against full masks, and what smooths or corrects them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from cells import spread
from supervision_rows import (
    RUNS,
    SHORT_EPOCHS,
    Out,
    Root,
    Runs,
    Seeds,
    Workers,
    changed,
    clicks,
    measured,
    recipe_run,
    seeded,
    table,
    tell,
)

from pointillist.annotate import AnyAnnotator, Density, Full
from pointillist.datasets import AnyDataset, Drive, Ph2
from pointillist.losses import GatedCrf
from pointillist.train.teacher import Bootstrap
from pointillist.train.term import Term


def drive(
    root: Root,
    seeds: Seeds = 3,
    runs: Runs = RUNS,
    workers: Workers = 2,
    out: Out = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="In place of the recipe's.")] = None,
) -> None:
    """DRIVE, inside the field of view: 1 % and .1 % of the pixels, and 20+20 clicks, against full masks."""
    data = Drive(root=root)
    kinds: dict[str, AnyAnnotator] = {
        "full masks": Full(),
        "1 % of the pixels": Density(probability=0.01),
        ".1 % of the pixels": Density(probability=0.001),
        "20+20 clicks": clicks(20),
    }
    changes = {} if epochs is None else {"epochs": epochs}
    rows = {n: seeded(data, kind, **changes) for n, kind in kinds.items()}
    lines = table(rows, seeds, runs, workers)
    about = (
        "The 20 official test images, inside the field of view; the second observer: Dice .788. 16 training, "
        f"4 validation images; the default recipe, {rows['full masks'](0).epochs} epochs."
    )
    command = f"drive --root DIR --seeds {seeds}" + ("" if epochs is None else f" --epochs {epochs}")
    tell("DRIVE: weak annotations against full masks", command, about, lines, out)


def drive_crf(root: Root, seeds: Seeds = 1, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """DRIVE, 1 % of the pixels: what a gated CRF does to thin vessels, and its gentlest setting."""
    base = recipe_run(Drive(root=root), Density(probability=0.01), 0).model_copy(
        update={"epochs": SHORT_EPOCHS}
    )
    gentle = GatedCrf(radius=1, sigma_xy=1, sigma_rgb=0.01)
    extra = {
        "nothing that smooths (the default recipe)": (),
        "+ gated CRF, weight .1": (Term(loss=GatedCrf(), weight=0.1, ramp=0.2),),
        "+ gated CRF, radius 1, sigmas 1 and .01": (Term(loss=gentle, weight=0.1, ramp=0.2),),
    }
    rows = {name: changed(base, {"supervise": (*base.supervise, *terms)}) for name, terms in extra.items()}
    about = f"The 20 official test images, inside the field of view; {SHORT_EPOCHS} epochs."
    lines = table(rows, seeds, runs, workers)
    tell("DRIVE: the gated CRF on thin things", "drive-crf --root DIR", about, lines, out)


def corrected(root: Root, seeds: Seeds = 2, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """Spread labels as they are, and corrected by the averaged network; --root holds PH2Dataset and DRIVE."""
    ph2, drive = Ph2(root=root / "PH2Dataset"), Drive(root=root / "DRIVE")
    settings: dict[str, tuple[AnyDataset, AnyAnnotator, dict[str, Any]]] = {
        "PH2, 5+5 clicks, superpixels and forest": (ph2, clicks(5), {}),
        "PH2, 1+1 clicks, superpixels and forest": (ph2, clicks(1), {}),
        "DRIVE, .1 % of the pixels, boosted trees": (
            drive,
            Density(probability=0.001),
            {"epochs": SHORT_EPOCHS},
        ),
        "DRIVE, 20+20 clicks, boosted trees": (drive, clicks(20), {"epochs": SHORT_EPOCHS}),
    }
    ways = {"as spread": None, "corrected": Bootstrap()}
    rows = {
        f"{name} | {way}": seeded(data, annotate, teacher=teacher, **changes)
        for name, (data, annotate, changes) in settings.items()
        for way, teacher in ways.items()
    }
    found = {split: measured(rows, seeds, runs, workers, split) for split in ("val", "test")}
    lines = ["| | labels | validation | test |", "|---|---|--:|--:|"]
    for name in rows:
        told = [spread([cell.mean for cell in cells[name]]) for cells in found.values()]
        lines.append(f"| {name} | {' | '.join(told)} |")
    about = (
        f"Dice, {seeds} seed(s); DRIVE {SHORT_EPOCHS} epochs, PH2 the recipe's. `auto` corrects on thin "
        "things alone, by what the validation images show."
    )
    tell("Spread labels, corrected while the network learns", "corrected --root DIR", about, lines, out)
