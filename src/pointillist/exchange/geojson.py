"""GeoJSON that QuPath reads: a file for each image, outlines along the edges of pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import ndimage

from pointillist.core import durable
from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark, Points, Scribble
from pointillist.core.shapes import IGNORE, AnyMask, MaskArray
from pointillist.data.objects import components
from pointillist.exchange.exporter import Colours, Exporter, Written
from pointillist.exchange.polygon import outlines
from pointillist.exchange.qupath import BOX


class GeojsonExporter(Exporter):
    """Write points, lines, boxes (named "box") and the areas of label maps, classified and coloured.

    Discs and widths are not kept, which is said: GeoJSON has points and lines without extent.
    """

    writes: ClassVar[str] = (
        "a folder of GeoJSON files that QuPath reads: points, lines, boxes, areas with holes"
    )
    folder: ClassVar[bool] = True

    def write(
        self,
        path: Path,
        *,
        classes: Sequence[str],
        colours: Colours,
        annotations: Iterable[Annotation] = (),
        masks: Iterable[tuple[str, AnyMask]] = (),
        files: Mapping[str, str] | None = None,
    ) -> Written:
        """Write them; see `Exporter.write`."""
        if path.exists() and not path.is_dir():
            raise InputError("GeoJSON must go into a folder", "a file", "Name another path.", path)
        written = Written()
        found: dict[str, list[dict[str, Any]]] = {}
        for annotation in annotations:
            features = found.setdefault(annotation.name, [])
            for mark in annotation.marks:
                if isinstance(mark, Dense):
                    features += _areas(mark.to_map(), classes, colours, written)
                elif (geometry := _geometry(mark)) is None:
                    written.left_out[f"{mark.kind} marks"] += 1
                else:
                    named = {"name": BOX} if isinstance(mark, Box) else {}
                    features.append(_feature(geometry, classes[mark.label], colours[mark.label], named))
                    written.entries[f"{mark.kind} marks"] += 1
                    written.left_out.update(_lost(mark))
        for name, labels in masks:
            found.setdefault(name, []).extend(_areas(labels, classes, colours, written))
        for name, features in found.items():
            text = json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False)
            durable.write_text(path / f"{name}.geojson", text + "\n")
        written.images = len(found)
        return written


def _geometry(mark: Mark) -> dict[str, Any] | None:
    if isinstance(mark, Points | ExtremePoints):
        return {"type": "MultiPoint", "coordinates": _corner(mark.at)}
    if isinstance(mark, Scribble):
        # A line of one corner is a line to itself: GeoJSON asks for two.
        return {"type": "LineString", "coordinates": _corner(mark.path * (2 if len(mark.path) == 1 else 1))}
    if isinstance(mark, Box):
        top, left, bottom, right = mark.top, mark.left, mark.bottom, mark.right
        ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        return {"type": "Polygon", "coordinates": [ring]}
    return None


def _lost(mark: Mark) -> list[str]:
    """Name what of a mark that is written the format can't say."""
    if isinstance(mark, Points) and mark.radius:
        return ["radii of clicks"]
    if isinstance(mark, Scribble) and mark.width > 1:
        return ["widths of lines"]
    return ["that places are ends of objects"] if isinstance(mark, ExtremePoints) else []


def _corner(places: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[col + 0.5, row + 0.5] for row, col in places]


def _areas(
    labels: MaskArray, classes: Sequence[str], colours: Colours, written: Written
) -> Iterable[dict[str, Any]]:
    """Draw around each component: of the foreground, and of a background that has gaps beside it."""
    # A full map's background is what is left over: to draw around it would only hide the rest.
    full = not (labels == IGNORE).any()
    drawn = set(np.unique(labels).tolist()) - {IGNORE} - ({0} if full else set())
    for label in sorted(drawn):
        numbered, _ = components(labels == label)
        for number, place in enumerate(ndimage.find_objects(numbered), start=1):
            corner = np.array([place[0].start, place[1].start])
            polygons = [
                [_closed(ring + corner) for ring in rings] for rings in outlines(numbered[place] == number)
            ]
            alone = len(polygons) == 1
            geometry = {
                "type": "Polygon" if alone else "MultiPolygon",
                "coordinates": polygons[0] if alone else polygons,
            }
            written.entries["areas"] += 1
            yield _feature(geometry, classes[label], colours[label], {})


def _closed(ring: np.ndarray) -> list[list[int]]:
    closed: list[list[int]] = np.concatenate([ring, ring[:1]])[:, ::-1].tolist()
    return closed


def _feature(
    geometry: dict[str, Any], name: str, colour: tuple[int, int, int], named: dict[str, str]
) -> dict[str, Any]:
    said = {"objectType": "annotation", **named, "classification": {"name": name, "color": list(colour)}}
    return {"type": "Feature", "geometry": geometry, "properties": said}
