"""Classifier, network or both: whom the annotator should show, by clicks on an image.

    python benchmarks/annotator_sources.py --root PH2Dataset -o docs/results/annotator_sources.md

Images are put into a folder of their own and served by `pointillist annotate`. The simulated person goes
through half of them in rounds, one click on each image a round, in the middle of the largest error of what
the server shows, over HTTP as the page does; masks serve to find errors and to measure, and never reach it.
After some rounds a network is trained, and the classifier, the network and both are measured on the images
that were clicked and on those that were not.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import numpy as np
import typer
from annotator import SIZE, overlap
from cells import publish
from PIL import Image
from serving import post_click, serving, write_images

from pointillist.annotate import next_clicks
from pointillist.annotate.seconds import SECONDS
from pointillist.core.shapes import MaskArray
from pointillist.datasets import Ph2
from pointillist.web.export import label_map
from pointillist.web.gauge import Source
from pointillist.web.live import Live
from pointillist.web.network import Network
from pointillist.web.project import Project
from pointillist.web.training import Training

SOURCES: tuple[Source, ...] = ("forest", "network", "both")
TRAINED = (2, 4, 6, 8, 10)
"""After so many clicks on an image a network is trained."""


@dataclass
class Person:
    """One tab, and what it was shown last of each image.

    Args:
        client: of the server.
        truths: by the images' names.
        shown: likewise.
    """

    client: Any
    truths: dict[str, MaskArray]
    shown: dict[str, MaskArray] = field(default_factory=dict)
    tab: str = field(default_factory=lambda: str(uuid.uuid4()))

    def click(self, image: dict[str, Any], number: int) -> None:
        """Click once on the largest error of an image, and look at what comes."""
        truth = self.truths[image["name"]]
        # Before anything is shown a person clicks into the object, then outside of it.
        labels = self.shown.get(image["name"], np.full_like(truth, number == 2))
        if number == 2 and not labels.any():
            labels = np.ones_like(truth)
        found = next_clicks(truth, labels, 1)
        if not found:
            return
        ((label, row, col),) = found
        saved = post_click(self.client, image["id"], self.tab, number, label, (row, col))
        shown = self.client.get(f"/api/images/{image['id']}/overlay", params={"after": saved})
        if shown.status_code == 200:
            picture = Image.open(io.BytesIO(shown.content))
            size = (truth.shape[1], truth.shape[0])
            self.shown[image["name"]] = np.array(picture.resize(size, Image.Resampling.NEAREST))

    def train(self) -> None:
        """Train a network and wait for its end."""
        answer = self.client.post("/api/train", json={})
        if answer.status_code != 200:
            raise RuntimeError(answer.text)
        with self.client.stream("GET", "/api/stream") as stream:
            for line in stream.iter_lines():
                if '"failed"' in line:
                    raise RuntimeError(line)
                if '"done"' in line:
                    return


def by_source(home: Path, truths: dict[str, MaskArray], clicked: Sequence[str]) -> dict[str, list[float]]:
    """Give the mean Dice of every source, on the images that were clicked and on the others."""
    project = Project(home)
    live = Live(project)
    model = Training(project, lambda _: None).model
    assert model is not None
    network = Network(project, model)
    found: dict[str, list[float]] = {}
    for source in SOURCES:
        live.network, live.source = (None if source == "forest" else network), source
        dice: dict[bool, list[float]] = {True: [], False: []}
        for name, truth in truths.items():
            labels = label_map(project, live, project.pictures.sample(name))
            assert labels is not None
            dice[name in clicked].append(overlap(labels, truth))
        found[source] = [statistics.mean(dice[True]), statistics.mean(dice[False])]
    live.close()
    project.store.close()
    return found


def table(measured: dict[int, tuple[dict[str, list[float]], str]]) -> list[str]:
    """Give the Dice of each source after some numbers of clicks, and the one that was chosen."""
    click = SECONDS["further-click"].seconds
    lines = [
        "| clicks on an image | s / image | of | classifier | network | both | chosen |",
        "|--:|--:|---|--:|--:|--:|---|",
    ]
    for number, (sources, chosen) in measured.items():
        # Both classes' first clicks take longer than the others.
        seconds = 2 * SECONDS["first-click"].seconds + max(0, number - 2) * click
        for place, of in enumerate(("images clicked on", "other images")):
            values = " | ".join(f"{sources[source][place]:.3f}" for source in SOURCES)
            lines.append(f"| {number} | {seconds:.1f} | {of} | {values} | {chosen} |")
    return lines


def main(
    root: Annotated[Path, typer.Option("--root", resolve_path=True, help="Of PH2.")],
    images: Annotated[int, typer.Option("--images", min=2, help="Clicked on; as many others.")] = 20,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Serve images of PH2 at their full size, click through half of them, train, and compare."""
    data = Ph2(root=root, size=SIZE)
    names = data.names("train")[: 2 * images]
    measured = {}
    with tempfile.TemporaryDirectory() as given:
        home = Path(given) / "skin"
        truths = write_images(home, map(data.read, names))
        with (
            serving(home) as (address, headers),
            httpx.Client(base_url=address, headers=headers, timeout=600) as client,
        ):
            person = Person(client, truths)
            shown = client.get("/api/project").json()["images"][::2]
            for number in range(1, max(TRAINED) + 1):
                for image in shown:
                    person.click(image, number)
                if number in TRAINED:
                    person.train()
                    client.post("/api/export", json={})
                    chosen = client.get("/api/gauge").json()["source"]
                    measured[number] = by_source(home, truths, [one["name"] for one in shown]), chosen
    about = (
        f"{len(shown)} of {len(names)} training images of PH2 at {SIZE[1]} x {SIZE[0]} are clicked on, a "
        "click on each in turn. Mean Dice over images. The network is trained from ImageNet's weights on the "
        "clicks so far, on those images that the folder's split lets it learn from; the server chooses by "
        "held-out clicks whom to show. One person, one seed. Seconds by the declared costs of clicks."
    )
    publish(
        "Classifier, network or both",
        "python benchmarks/annotator_sources.py --root DIR",
        about,
        table(measured),
        out,
    )


if __name__ == "__main__":
    typer.run(main)
