"""What painted images with labels add to a training on PH2: the generative family's verdict.

    python benchmarks/generative.py --root DIR -o docs/results/generative.md

An auto-encoder learns from all training images, a few-click head reads labels off its decoder, and as many
painted images as real ones join the training (`pointillist generate`). Both trainings take as many steps.
Finished runs under --runs are not trained again. Test images are measured, never chosen by.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from cells import paired, publish, spread, train_cells

from pointillist.annotate import AnyAnnotator, Mixed, PointsAnnotator
from pointillist.datasets import Folder, Ph2
from pointillist.models.vae import Vae
from pointillist.train.describe import describe_run
from pointillist.train.features import train_vae
from pointillist.train.generate import generate, train_head
from pointillist.train.generated_folder import write_generated
from pointillist.train.run import Run
from pointillist.train.supervise import supervised

CLICKS = PointsAnnotator(positive=5, negative=5)
SETTINGS: dict[str, AnyAnnotator] = {
    "5+5 clicks on every image": CLICKS,
    "5+5 clicks on 1 image in 10": Mixed(of=((CLICKS, 0.1),)),
}
REAL, PAINTED = "real images", "and painted ones"


def folders(data: Ph2, seed: int, home: Path) -> dict[tuple[str, str], Run]:
    """Write the real images, and the real and the painted ones, and describe a run on each."""
    images = [sample.image for sample in data.samples("train")]
    network = None
    runs = {}
    for number, (name, annotate) in enumerate(SETTINGS.items()):
        run = describe_run(data, annotate, None, seed)
        for kind in (REAL, PAINTED):
            folder = (home / f"{kind.replace(' ', '-')}-{number}-seed-{seed}").resolve()
            if not (folder / "pointillist.yaml").is_file():
                painted = []
                if kind == PAINTED:
                    network = network or train_vae(Vae(), images, seed)
                    items = [supervised(run, n) for n in data.names("train")]
                    head = train_head(network, [(item.sample.image, item.known) for item in items], seed)
                    painted = generate(network, head, images, len(images), seed)
                write_generated(folder, run, painted)
            own = {"data": Folder(root=folder, size=None), "annotate": None}
            epochs = run.epochs if kind == REAL else round(run.epochs / 2)
            runs[name, kind] = run.model_copy(update={**own, "epochs": epochs})
    return runs


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True)],
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 2,
    runs: Annotated[Path, typer.Option("--runs")] = Path("runs/generative"),
    workers: Annotated[int, typer.Option("--workers", min=1)] = 2,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Train with and without painted images, and print the table."""
    described = {i: folders(Ph2(root=root), i, runs / "images") for i in range(seeds)}
    jobs = {
        f"{name}, {kind}, seed {i}": run.to_json()
        for i in range(seeds)
        for (name, kind), run in described[i].items()
    }
    cells = train_cells(jobs, runs, workers)
    lines = [
        "| annotated | learnt from | seeds | Dice | difference (95 %) | longest, s |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for name in SETTINGS:
        real, painted = (
            [cells[f"{name}, {kind}, seed {i}"] for i in range(seeds)] for kind in (REAL, PAINTED)
        )
        for kind, found in ((REAL, real), (PAINTED, painted)):
            mean, low, high = paired(found, real)
            difference = "" if kind == REAL else f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
            dice = spread([cell.mean for cell in found])
            longest = max(cell.train_s for cell in found)
            lines.append(f"| {name} | {kind} | {seeds} | {dice} | {difference} | {longest:.0f} |")
    about = (
        "40 test images of 120 / 40 / 40 at 192 x 144, mean Dice over images; the default recipe. 120 "
        "painted images join the real ones, for half as many epochs: as many steps. The paired "
        "difference is of the mean over seeds, its interval over images."
    )
    publish("PH2: what painted images add", "python benchmarks/generative.py --root DIR", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
