"""QuPath's GeoJSON: the annotations of one image, as points, lines and polygons with holes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from pointillist.core.config import validated
from pointillist.exchange.importer import (
    Choices,
    Foreign,
    Importer,
    Number,
    from_corner,
    list_files,
    read_each,
    read_json,
)
from pointillist.exchange.intake import Intake
from pointillist.exchange.sheet import Sheet

BOX = "box"
"""Name of a polygon that is a box around an object, not an area of its class."""
# A third number is a height: passed over.
Position = Annotated[list[Number], Field(min_length=2, max_length=4)]
Line = Annotated[list[Position], Field(min_length=2)]
Ring = Annotated[list[Position], Field(min_length=4)]
Polygon = Annotated[list[Ring], Field(min_length=1)]


class _Point(Foreign):
    coordinates: Position


class _MultiPoint(Foreign):
    coordinates: list[Position]


class _Line(Foreign):
    coordinates: Line


class _MultiLine(Foreign):
    coordinates: list[Line]


class _Polygon(Foreign):
    coordinates: Polygon


class _MultiPolygon(Foreign):
    coordinates: list[Polygon]


class _Class(Foreign):
    name: str | None = None
    names: list[str] = Field(default=[])


class _Properties(Foreign):
    classification: _Class | None = None
    name: str | None = None


class _Geometry(Foreign):
    type: str
    coordinates: Any = Field(default=None, repr=False)


class _Feature(Foreign):
    geometry: _Geometry
    properties: _Properties | None = None


class _Features(Foreign):
    features: list[_Feature]


class QupathImporter(Importer):
    """Read one GeoJSON file an image, named like it."""

    reads: ClassVar[str] = "QuPath's GeoJSON, one file an image: points, lines, polygons with holes"
    places: ClassVar[str] = (
        "(x, y) from the first pixel's corner, at full resolution (QuPath, 'Exporting annotations')"
    )

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        read_each(
            list_files(path, (".geojson", ".json"), "GeoJSON files"), partial(_read_file, intake=intake)
        )


def _read_file(file: Path, intake: Intake) -> None:
    data = read_json(file, "a GeoJSON file")
    if isinstance(data, list):
        data = {"features": data}
    elif isinstance(data, dict) and data.get("type") == "Feature":
        data = {"features": [data]}
    features = validated(_Features, data, file).features
    sheet = intake.sheet(file.stem, None, file)
    if sheet is None:
        return
    for feature in features:
        properties = feature.properties or _Properties()
        theirs = properties.classification or _Class()
        name = theirs.name or ": ".join(theirs.names)
        if not name:
            intake.skipped["annotations without a class"] += 1
        elif feature.geometry.type not in _DRAW:
            intake.skipped[f"geometries of type {feature.geometry.type[:40]!r}"] += 1
        elif (label := intake.label(name)) is not None:
            form, draw = _DRAW[feature.geometry.type]
            geometry: Any = validated(form, {"coordinates": feature.geometry.coordinates}, file)
            draw(geometry.coordinates, label, sheet, properties.name == BOX)
    intake.add(sheet)


def _places(positions: list[list[float]]) -> np.ndarray:
    return from_corner([position[:2] for position in positions])


def _draw_points(positions: list[list[float]], label: int, sheet: Sheet, box: bool) -> None:
    sheet.points(label, [(row, col) for row, col in _places(positions).tolist()])


def _draw_lines(lines: list[list[list[float]]], label: int, sheet: Sheet, box: bool) -> None:
    for line in lines:
        sheet.line(label, _places(line))


def _draw_polygons(polygons: list[list[list[list[float]]]], label: int, sheet: Sheet, box: bool) -> None:
    for polygon in polygons:
        rings = [_places(ring) for ring in polygon]
        if box:
            sheet.box(label, *rings[0].min(0).tolist(), *rings[0].max(0).tolist())
        else:
            sheet.area(label, rings)


_DRAW: dict[str, tuple[type[Foreign], Any]] = {
    "Point": (_Point, lambda position, *rest: _draw_points([position], *rest)),
    "MultiPoint": (_MultiPoint, _draw_points),
    "LineString": (_Line, lambda line, *rest: _draw_lines([line], *rest)),
    "MultiLineString": (_MultiLine, _draw_lines),
    "Polygon": (_Polygon, lambda polygon, *rest: _draw_polygons([polygon], *rest)),
    "MultiPolygon": (_MultiPolygon, _draw_polygons),
}
