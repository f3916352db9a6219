"""How soon a new project's first images are segmented, with and without what their own clicks say nearby.

    python benchmarks/annotator_first.py --root DIR -o docs/results/annotator_first.md

Each project has so many images, and each click goes to the largest error of what is shown. --root holds
PH2Dataset and DRIVE.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import numpy as np
import typer
from annotator import SIZE, overlap
from cells import publish
from PIL import Image
from serving import write_images

from pointillist.annotate import next_clicks
from pointillist.core.marks import Points
from pointillist.core.shapes import MaskArray
from pointillist.datasets import Drive, Ph2
from pointillist.datasets.dataset import Dataset
from pointillist.web.events import Add
from pointillist.web.live import Live
from pointillist.web.project import Project

TOLD = (2, 3, 4, 6, 8, 10)
"""Clicks on an image after which its Dice is told."""


@contextmanager
def as_taught(alone: bool) -> Iterator[None]:
    """Let only what was taught by all images count, if alone."""
    if not alone:
        yield
        return
    with patch("pointillist.web.live.breadth", lambda _: 0.0):
        yield


def curves(home: Path, truths: Mapping[str, MaskArray]) -> list[list[float]]:
    """Click through the images of a project; give the Dice of each after the 1st, 2nd, ... click."""
    project = Project(home)
    live = Live(project)
    found = [_curve(project, live, name, truth) for name, truth in truths.items()]
    live.close()
    project.store.close()
    return found


def _curve(project: Project, live: Live, name: str, truth: MaskArray) -> list[float]:
    labels, dice = np.zeros_like(truth), [0.0]
    for number in range(1, max(TOLD) + 1):
        # Before anything is shown a person clicks into the object, then outside of it.
        shown = np.ones_like(truth) if number == 2 and not labels.any() else labels
        for label, row, col in next_clicks(truth, shown, 1):
            mark = Points(label=label, at=((float(row), float(col)),))
            events = [Add(id=uuid.uuid4().hex, sequence=number, mark=mark)]
            live.note(project.store.append(name, "person", events).result())
        if (segmented := live.segment(name)) is not None:
            size = (truth.shape[1], truth.shape[0])
            labels = np.array(Image.fromarray(segmented.labels).resize(size, Image.Resampling.NEAREST))
        dice.append(overlap(labels, truth))
    return dice


def rows_of(title: str, data: Dataset, projects: int, images: int) -> list[str]:
    """Measure projects of a data set in both ways."""
    names = data.names("train")
    lines = []
    for way, alone in (("taught by all clicks", True), ("and what those on the image say nearby", False)):
        found = []
        for first in range(0, projects * images, images):
            with tempfile.TemporaryDirectory() as given, as_taught(alone):
                home = Path(given) / "new"
                truths = write_images(home, map(data.read, names[first : first + images]))
                # What lies outside the field of view is nothing that anyone is after.
                inside = {name: np.where(truth == 1, truth, 0) for name, truth in truths.items()}
                found.append(curves(home, inside))
        for image in range(images):
            after = np.array([dice[image] for dice in found])[:, list(TOLD)]
            told = " | ".join(f"{dice.mean():.3f} ({dice.min():.2f})" for dice in after.T)
            lines.append(f"| {title}, image {image + 1} | {way} | {told} |")
    return lines


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True)],
    projects: Annotated[int, typer.Option("--projects", min=1)] = 20,
    thin: Annotated[int, typer.Option("--thin", min=1, help="Projects of DRIVE.")] = 4,
    images: Annotated[int, typer.Option("--images", min=1, help="Of a project.")] = 2,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Begin many projects."""
    lines = [
        f"| | the classifier | {' | '.join(f'{number} clicks' for number in TOLD)} |",
        f"|---|---|{'--:|' * len(TOLD)}",
        *rows_of("PH2", Ph2(root=root / "PH2Dataset", size=SIZE), projects, images),
        *rows_of("DRIVE", Drive(root=root / "DRIVE"), thin, images),
    ]
    about = (
        f"Dice of {projects} new projects of {images} training images of PH2 at {SIZE[1]} x {SIZE[0]}, and "
        f"{thin} of DRIVE: mean over projects, and the worst one's, after so many clicks on an image, "
        "each on the largest error of what is shown. No network."
    )
    publish(
        "A new project's first images", "python benchmarks/annotator_first.py --root DIR", about, lines, out
    )


if __name__ == "__main__":
    typer.run(main)
