"""Massachusetts Buildings: 151 aerial images of Boston with the outlines of the houses, cut into tiles."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.decode import image_size, read_image
from pointillist.data.mask import Code, read_mask
from pointillist.data.pairing import check_same_size, files_by_stem, folder_in_words, meant_root
from pointillist.data.split import Split
from pointillist.datasets.dataset import Dataset, Entry

LAYOUTS: tuple[dict[Split, tuple[str, str]], ...] = (
    {
        "train": ("train/sat", "train/map"),
        "val": ("valid/sat", "valid/map"),
        "test": ("test/sat", "test/map"),
    },
    {
        "train": ("tiff/train", "tiff/train_labels"),
        "val": ("tiff/val", "tiff/val_labels"),
        "test": ("tiff/test", "tiff/test_labels"),
    },
    {
        "train": ("train", "train_labels"),
        "val": ("val", "val_labels"),
        "test": ("test", "test_labels"),
    },
)
"""Folders of images and of maps below the root: both layouts in the wild, the second from within too."""
TIFF = frozenset({".tif", ".tiff"})
CODES: dict[Code, int] = {0: 0, 1: 1, 255: 1, (0, 0, 0): 0, (255, 0, 0): 1}
"""Red in the first layout; white, which counts as grey, in the second."""
SOURCE = (
    "Get the buildings from the page of Mnih's thesis at the University of Toronto (or a copy of it), and "
    "point root at the folder that holds 'train', 'valid' and 'test', or 'tiff'."
)


class _Tile(NamedTuple):
    split: Split
    image: Path
    map: Path
    row: int
    col: int


class Massachusetts(Dataset):
    """Read Massachusetts Buildings in either layout; a tile of an image is a sample.

    ``train/sat/*.tiff`` with ``train/map/*.tif`` (houses red; ``valid`` and ``test`` beside), or
    ``tiff/train/*.tiff`` with ``tiff/train_labels/*.tif`` (houses white; ``val`` and ``test`` beside). The
    split is what lies in the folders: officially 137 / 4 / 10 images of 1500 x 1500. Tile (row, col) of
    ``22678915_15`` is the sample ``22678915_15_row_col`` of the group ``22678915_15``; tiles that reach over
    the edge are padded with zeros, void in the mask and outside the region.

    Args:
        root: the folder that holds "train", "valid" and "test", or "tiff" (or "tiff" itself).
        tile: side of the samples in pixels; the images are 1 m per pixel.

    Source: Mnih, "Machine Learning for Aerial Image Labeling", PhD thesis, University of Toronto, 2013.
    """

    kind: Literal["massachusetts"] = "massachusetts"
    root: Path
    tile: Annotated[int, Field(ge=1, le=100_000)] = 512

    @property
    def classes(self) -> tuple[str, ...]:
        """Everything else; buildings."""
        return ("background", "building")

    def list_entries(self) -> tuple[Entry, ...]:
        """List the tiles, source by source; looks at names and, for the sizes, at the images' headers.

        Raises:
            InputErrors: one for every image without a map, and for every name that stands in two splits.
        """
        return tuple(
            Entry(name=name, split=tile.split, group=tile.image.stem) for name, tile in self._tiles.items()
        )

    def read(self, name: str) -> Sample:
        """Read one tile.

        Raises:
            InputError: there is no such tile, or its files are wrong.
        """
        group = self.entry(name).group
        tile, side = self._tiles[name], self.tile
        stamps = tuple(file.stat().st_mtime_ns for file in (tile.image, tile.map) if file.is_file())
        image, mask = _read_source(tile.image, tile.map, stamps)
        window = np.s_[tile.row * side : (tile.row + 1) * side, tile.col * side : (tile.col + 1) * side]
        height, width = mask[window].shape
        padded = np.zeros((image.shape[0], side, side), np.float32)
        padded[:, :height, :width] = image[(..., *window)]
        void = np.full((side, side), IGNORE, np.uint8)
        void[:height, :width] = mask[window]
        region = np.zeros((side, side), bool)
        region[:height, :width] = True
        return Sample(name, padded, void, region, group=group)

    @cached_property
    def _tiles(self) -> dict[str, _Tile]:
        tiles: dict[str, _Tile] = {}
        for split, image, mask in self._sources():
            height, width = image_size(image)  # 151 images are 1 GB: the headers must do.
            for row in range(-(-height // self.tile)):
                for col in range(-(-width // self.tile)):
                    tiles[f"{image.stem}_{row}_{col}"] = _Tile(split, image, mask, row, col)
        return tiles

    def _sources(self) -> list[tuple[Split, Path, Path]]:
        """List (split, image, map); every image has its map, and no two images one name."""
        sources: list[tuple[Split, Path, Path]] = []
        problems: list[InputError] = []
        first: dict[str, Path] = {}
        for split, (image_folder, map_folder) in self._folders().items():
            images, maps = files_by_stem(image_folder, TIFF), files_by_stem(map_folder, TIFF)
            if not images:
                found = folder_in_words(image_folder)
                problems.append(InputError(f"{split} must hold *.tiff images", found, SOURCE, image_folder))
            for stem, image in images.items():
                if stem not in maps:
                    found = folder_in_words(map_folder)
                    problems.append(InputError(f"{image.name} must have a map", found, SOURCE, map_folder))
                elif (twin := first.setdefault(stem, image)) != image:
                    found, fix = f"{twin} too", "Remove one of them: a split must not see another's images."
                    problems.append(InputError("an image must be in one split", found, fix, image))
                else:
                    sources.append((split, image, maps[stem]))
        if problems:
            raise InputErrors(problems)
        return sources

    def _folders(self) -> dict[Split, tuple[Path, Path]]:
        for layout in LAYOUTS:
            folders = {
                split: (self.root / images, self.root / maps) for split, (images, maps) in layout.items()
            }
            if all(folder.is_dir() for folder in folders["train"]):
                return folders
        hints = [meant_root(self.root, layout["train"][1]) for layout in LAYOUTS]
        fix = max(hints, key=len) + SOURCE
        must = "root must hold train/sat and train/map, or tiff/train and tiff/train_labels"
        raise InputError(must, folder_in_words(self.root), fix, self.root)


@lru_cache(maxsize=2)
def _read_source(image_file: Path, map_file: Path, stamps: tuple[int, ...]) -> tuple[ImageArray, MaskArray]:
    # Tiles of one image are mostly read after one another; the stamps make a changed file a new one.
    image, mask = read_image(image_file), read_mask(map_file, CODES)
    check_same_size((image.shape[1], image.shape[2]), mask, image_file, map_file)
    return image, mask
