"""The tables of exchange: annotations of other tools that can be read, and formats that can be written."""

from __future__ import annotations

from pointillist.core.config import Names
from pointillist.exchange.coco import CocoExporter, CocoImporter
from pointillist.exchange.csv_table import CsvExporter, CsvImporter
from pointillist.exchange.cvat import CvatImporter
from pointillist.exchange.exporter import Exporter, Written
from pointillist.exchange.geojson import GeojsonExporter
from pointillist.exchange.ilastik import IlastikImporter
from pointillist.exchange.importer import Choices, Importer, bring
from pointillist.exchange.intake import Intake
from pointillist.exchange.json_file import JsonExporter, JsonImporter
from pointillist.exchange.label_studio import LabelStudioImporter
from pointillist.exchange.labelme import LabelmeImporter
from pointillist.exchange.masks import MasksImporter
from pointillist.exchange.napari import NapariImporter
from pointillist.exchange.qupath import QupathImporter

IMPORTERS: Names[Importer] = Names(
    "format",
    {
        "masks": MasksImporter(),
        "coco": CocoImporter(),
        "labelme": LabelmeImporter(),
        "label-studio": LabelStudioImporter(),
        "cvat": CvatImporter(),
        "napari": NapariImporter(),
        "ilastik": IlastikImporter(),
        "qupath": QupathImporter(),
        "csv": CsvImporter(),
        "json": JsonImporter(),
    },
)
EXPORTERS: Names[Exporter] = Names(
    "format",
    {
        "csv": CsvExporter(),
        "json": JsonExporter(),
        "coco": CocoExporter(),
        "geojson": GeojsonExporter(),
    },
)

__all__ = ["EXPORTERS", "IMPORTERS", "Choices", "Exporter", "Importer", "Intake", "Written", "bring"]
