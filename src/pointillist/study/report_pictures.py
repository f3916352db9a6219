"""A report's pictures: what the data looks like, how the networks look, and how good a Dice is to the eye."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.core.text import number
from pointillist.data.draw import Picture, draw_image, draw_overlay, panel_scale
from pointillist.data.sheets import panels
from pointillist.study.scores import Scores
from pointillist.train.device import find_device
from pointillist.train.evaluate import Trained, load_trained
from pointillist.train.run import Run

ROWS = (4, 3, 5)
"""Pictures in a row of a gallery: the first of these that leaves the fewest gaps."""
WORST = ("worst", "second worst", "third worst")
ORDER = ("best", "median", *WORST)
LISTED = 5
"""The worst images of each place that are named."""


@dataclass(frozen=True)
class Pictured:
    """A place whose predictions are shown.

    Args:
        name: in words.
        run: whose prediction it is, the first seed's.
        scores: of all seeds.
    """

    name: str
    run: Run
    scores: Scores


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


def examples(folder: Path, places: Sequence[Pictured], which: Sequence[tuple[str, str]]) -> Picture | None:
    """Show images with the truth and each place's prediction; None: a run's weights are not there.

    Args:
        folder: of the study.
        places: whose predictions are shown, all of the same data.
        which: a caption and the name of each image.
    """
    trained = _loaded(folder, [(place.name, place.run) for place in places])
    if trained is None:
        return None
    rows, captions = [], []
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
        captions.append([f"{caption}: {name}", "", *(_dice(place.scores, name) for place in places)])
    return panels(rows, ["image", "truth", *(place.name for place in places)], captions)


def _dice(scores: Scores, name: str) -> str:
    """Give the Dice of the prediction that is shown, the first seed's, and the mean over seeds."""
    if name not in scores.names:
        return ""
    own = scores.at(scores.seeds, [name])
    first = own.at(own.seeds[:1], [name]).by_image()[0]
    return number(first) + (f", mean {number(own.by_image()[0])}" if len(own.seeds) > 1 else "")


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
    """Name the best, median and worst images by the mean over seeds; none where no image has a score."""
    known = by_score(scores)
    if not known:
        return []
    names = [name for name, _ in known]
    chosen = dict(zip(names[::-1], WORST, strict=False))
    chosen |= {names[len(names) // 2]: "median", names[0]: "best", names[-1]: WORST[0]}
    return sorted(((caption, name) for name, caption in chosen.items()), key=lambda a: ORDER.index(a[0]))


def by_score(scores: Scores) -> list[tuple[str, float]]:
    """List images with their mean over seeds, the best first, without those that have none."""
    values = scores.by_image()
    order = np.argsort(-values, kind="stable").tolist()
    return [(scores.names[n], float(values[n])) for n in order if not np.isnan(values[n])]


def worst_table(scores: Mapping[tuple[str, ...], Scores]) -> tuple[list[str], list[list[str]]]:
    """Give the heading and, for each place, the names and scores of its worst images."""
    rows = []
    for place, own in scores.items():
        named = [f"{name} ({value:.3f})" for name, value in by_score(own)[::-1][:LISTED]]
        rows.append([", ".join(place), *named, *[""] * (LISTED - len(named))])
    return ["place", "worst", *(f"{number}." for number in range(2, LISTED + 1))], rows
