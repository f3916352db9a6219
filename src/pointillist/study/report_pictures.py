"""A report's pictures: what the data looks like, how the networks look, and how good a Dice is to the eye."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.data.draw import Picture, draw_image, draw_overlay, panel_scale, panels
from pointillist.study.execute import Results
from pointillist.study.figure import COLOURS, plain, to_svg
from pointillist.study.scores import Scores
from pointillist.study.study import Study
from pointillist.train.device import find_device
from pointillist.train.evaluate import Trained, load_trained
from pointillist.train.run import Run

ROWS = (4, 3, 5)
"""Pictures in a row of a gallery: the first of these that leaves the fewest gaps."""


def drawing_uri(picture: Picture) -> str:
    """Write a drawing into the page itself, as it is."""
    return _uri(picture, "png", optimize=True)


def photo_uri(picture: Picture) -> str:
    """Write photographs into the page itself, with losses that nobody sees: a tenth of the size."""
    return _uri(picture, "webp", quality=88, method=6)


def _uri(picture: Picture, form: str, **how: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format=form, **how)
    return f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def examples(
    folder: Path, places: Sequence[tuple[str, Run]], scores: Scores, which: Sequence[tuple[str, str]]
) -> Picture | None:
    """Show images with the truth and each place's prediction; None: a run's weights are not there.

    Args:
        folder: of the study.
        places: a name and the run whose prediction is shown; the first one's scores are captions.
        scores: of the first.
        which: a caption and the name of each image.
    """
    trained = _loaded(folder, places)
    if trained is None:
        return None
    rows, captions = [], []
    values = dict(zip(scores.names, scores.by_image(), strict=True))
    for caption, name in which:
        data = trained[0].run.data
        sample = data.read(name)
        scale = panel_scale(sample.height)
        row = [
            draw_image(sample.image, scale),
            draw_overlay(sample.image, sample.truth(), data.colours, scale),
        ]
        row += [draw_overlay(sample.image, one.predict(sample), data.colours, scale) for one in trained]
        rows.append(row)
        captions.append([f"{caption}: {name}", "", f"{values[name]:.3f}", *[""] * (len(trained) - 1)])
    return panels(rows, ["image", "truth", *(name for name, _ in places)], captions)


def gallery(
    folder: Path, places: Sequence[tuple[str, Run]], name: str, values: Sequence[float]
) -> Picture | None:
    """Show one image with the truth, and what each place makes of it; None: a run's weights are not there.

    Args:
        folder: of the study.
        places: a name and the run whose prediction is shown, all of the same data.
        name: of the image.
        values: each place's score there, for the captions.
    """
    trained = _loaded(folder, places)
    if trained is None:
        return None
    data = places[0][1].data
    sample = data.read(name)
    scale = panel_scale(sample.height)
    tiles = [draw_image(sample.image, scale), draw_overlay(sample.image, sample.truth(), data.colours, scale)]
    tiles += [draw_overlay(sample.image, one.predict(sample), data.colours, scale) for one in trained]
    captions = [name, "truth"]
    captions += [f"{place}: {value:.3f}" for (place, _), value in zip(places, values, strict=True)]
    columns = min(ROWS, key=lambda count: -len(tiles) % count)
    short = -len(tiles) % columns
    tiles += [np.full_like(tiles[0], 255)] * short
    captions += [""] * short
    starts = range(0, len(tiles), columns)
    return panels(
        [tiles[at : at + columns] for at in starts], [], [captions[at : at + columns] for at in starts]
    )


def _loaded(folder: Path, places: Sequence[tuple[str, Run]]) -> list[Trained] | None:
    """Load each place's weights; None: those of one are not there."""
    try:
        return [
            load_trained(folder / "runs" / run.id, find_device(run.precision, "cpu")) for _, run in places
        ]
    except InputError:
        return None


def extremes(scores: Scores) -> list[tuple[str, str]]:
    """Name the best, the median and the worst image; none where no image has a score."""
    values = scores.by_image()
    known = [n for n in np.argsort(-values, kind="stable").tolist() if not np.isnan(values[n])]
    if not known:
        return []
    chosen = {"best": known[0], "median": known[len(known) // 2], "worst": known[-1]}
    return [(caption, scores.names[place]) for caption, place in chosen.items()]


def training_curves(study: Study, results: Results) -> str | None:
    """Draw how the score on held-out annotations went in training, one line a run, as SVG."""
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    colours: dict[tuple[str, ...], str] = {}
    for cell in study.runs:
        place = tuple(cell.place.values())
        result = results.get(cell.run.id)
        history = [] if result is None else result["history"]
        known = [
            (record["epoch"], record["held_out/dice"]) for record in history if "held_out/dice" in record
        ]
        if not known:
            continue
        new = place not in colours
        colour = colours.setdefault(place, COLOURS[len(colours) % len(COLOURS)])
        style = ("-", "--", ":")[list(colours).index(place) // len(COLOURS) % 3]
        label = plain(", ".join(place)) if new else None
        axes.plot(*zip(*known, strict=True), style, color=colour, linewidth=1, alpha=0.8, label=label)
    if not colours:
        return None
    axes.set_xlabel("epoch")
    axes.set_ylabel("Dice by held-out annotations")
    axes.grid(alpha=0.25)
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    return to_svg(figure)
