"""Data sets: images by name, each in one split, with what is known of their truth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointillist.core.config import Table
from pointillist.datasets.dataset import Dataset, Entry
from pointillist.datasets.drive import Drive
from pointillist.datasets.folder import Folder
from pointillist.datasets.massachusetts import Massachusetts
from pointillist.datasets.ph2 import Ph2
from pointillist.datasets.synthetic import Synthetic
from pointillist.datasets.toy import Toy, Toy2, ToyScatter

AnyDataset = Annotated[
    Drive | Folder | Massachusetts | Ph2 | Synthetic | Toy | Toy2 | ToyScatter, Field(discriminator="kind")
]
DATASETS: Table[Dataset] = Table("data set", AnyDataset, Dataset)

__all__ = [
    "DATASETS",
    "AnyDataset",
    "Dataset",
    "Drive",
    "Entry",
    "Folder",
    "Massachusetts",
    "Ph2",
    "Synthetic",
    "Toy",
    "Toy2",
    "ToyScatter",
]
