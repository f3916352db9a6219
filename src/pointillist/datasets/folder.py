"""A user's own images, with masks, label maps, regions or annotations beside them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from pointillist.core.annotation import Annotation, check_fits, in_classes, read_annotation
from pointillist.core.errors import InputError, InputErrors
from pointillist.core.marks import Dense
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray, RegionArray
from pointillist.data.container import FileError
from pointillist.data.declaration import UNLABELLED
from pointillist.data.decode import image_header, read_pixels, to_image
from pointillist.data.item import Item
from pointillist.data.layout import Layout, survey
from pointillist.data.mask import Codes, read_mask
from pointillist.data.pairing import check_same_size
from pointillist.data.resample import Size, resample
from pointillist.datasets.dataset import PALETTE, Dataset, Entry


class Folder(Dataset):
    """Read images of your own.

    ``ROOT/images/*`` and, under the same names, any of ``masks/`` (class indices, void allowed), ``labels/``
    (label maps that know only some pixels: they become annotations), ``regions/`` (0 outside, 1 or 255
    inside), ``annotations/*.json``; or the same below ``train/``, ``val/`` and ``test/``. An image without a
    mask can be annotated and predicted, but not measured. ``ROOT/pointillist.yaml`` declares what files
    cannot tell: classes, codes, colours, groups, splits, the range of real values (see
    ``data.declaration``). Without declared splits, the hash of the group's name decides: 0.6, 0.2, 0.2.
    Grey images among coloured ones become RGB.

    Args:
        root: the folder.
        size: of the samples; annotations keep the coordinates of the file.
        without: names of images that are left out; the others' splits stay as they are.
    """

    kind: Literal["folder"] = "folder"
    fewest_steps: ClassVar[int] = 400
    root: Path
    size: Size = 512
    without: tuple[str, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """The files as they were found.

        Raises:
            InputErrors: one for every wrong name or pair.
        """
        layout = survey(self.root)
        if layout.problems:
            raise InputErrors(layout.problems)
        return layout

    @cached_property
    def channels(self) -> int:
        """C of every sample: as declared, else 3 when any image has colours (its header tells)."""
        declared = self.layout.declaration.channels
        return declared or self._most_channels()

    @property
    def classes(self) -> tuple[str, ...]:
        """As declared; "background" and "foreground" where nothing is."""
        return self.layout.declaration.classes

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """As declared, else from the palette."""
        return self.layout.declaration.colours or PALETTE[: len(self.classes)]

    def list_entries(self) -> tuple[Entry, ...]:
        """List the images by name.

        Raises:
            InputErrors: one for every wrong name or pair, or a group in two splits.
        """
        without = set(self.without)
        kept = (item for item in self.layout.items if item.name not in without)
        return tuple(kept)

    def read(self, name: str) -> Sample:
        """Read one image with all that lies beside it.

        Raises:
            InputError: there is no such image, or one of its files is wrong.
        """
        item = self.item(name)
        decoded = read_pixels(item.image)
        image = self._coloured(to_image(decoded, item.image, self.layout.declaration.value_range), item.image)
        mask, region = self._mask(item, image), _region(item, image)
        annotation = self._drawn(item, image)
        bits = 8 if decoded.pixels.dtype == np.uint8 else 16
        sample = Sample(name, image, mask, region, item.group, annotation, bits)
        return resample(sample, self.size)

    @property
    def annotated(self) -> bool:
        """Whether any image has a label map or an annotation file."""
        return any(item.is_annotated for item in self.layout.items)

    @property
    def gaps_in_masks(self) -> bool:
        """Whether a code is declared for pixels that are unlabelled."""
        return UNLABELLED in (self.layout.declaration.codes or {}).values()

    @property
    def value_range(self) -> tuple[float, float] | None:
        """As declared."""
        return self.layout.declaration.value_range

    def _most_channels(self) -> int:
        """Read headers up to the first with colours; a broken one is told of when its image is read."""
        found, broken = 0, []
        for item in self.layout.items:
            try:
                found = max(found, image_header(item.image)[2])
            except InputError as error:
                broken.append(error)
            if found == 3:
                return found
        if not found:
            raise broken[0]
        return found

    def item(self, name: str) -> Item:
        """Give the files of one image.

        Raises:
            InputError: there is no such image.
        """
        found = self.entry(name)
        assert isinstance(found, Item)
        return found

    def _coloured(self, image: ImageArray, path: Path) -> np.ndarray:
        if image.shape[0] == self.channels:
            return image
        if image.shape[0] == 1:
            return np.repeat(image, 3, axis=0)
        fix = "Save it as grey, or declare channels: 3 in pointillist.yaml."
        raise FileError("H24", "an image must have the declared 1 channel", "3 channels", fix, path)

    def _mask(self, item: Item, image: ImageArray) -> MaskArray | None:
        if item.mask is None:
            return None
        return _fitting(item.mask, self.layout.declaration.mask_codes(), item, image)

    def _drawn(self, item: Item, image: ImageArray) -> Annotation | None:
        if item.labels is not None:
            codes = self.layout.declaration.label_codes()
            labels = _fitting(item.labels, codes, item, image)
            if not (labels == IGNORE).any():
                must = "a label map must leave pixels unlabelled"
                fix = "A full mask belongs in masks/; otherwise declare the code of unlabelled pixels."
                raise FileError("H52", must, "a label for every pixel", fix, item.labels)
            height, width = labels.shape
            marks = (Dense.from_map(labels),)
            return Annotation(name=item.name, height=height, width=width, classes=self.classes, marks=marks)
        if item.annotation is None:
            return None
        renamed = self.layout.declaration.renamed
        annotation = in_classes(read_annotation(item.annotation), self.classes, renamed)
        check_fits(annotation, item.name, self.classes, [image.shape[1:]], item.annotation)
        return annotation


def _fitting(path: Path, codes: Codes, item: Item, image: ImageArray) -> MaskArray:
    mask = read_mask(path, codes)
    check_same_size((image.shape[1], image.shape[2]), mask, item.image, path)
    return mask


def _region(item: Item, image: ImageArray) -> RegionArray | None:
    if item.region is None:
        return None
    inside: RegionArray = _fitting(item.region, {0: 0, 1: 1, 255: 1}, item, image) == 1
    if not inside.any():
        raise InputError("a region must hold a pixel", "none", "Correct it, or remove it.", item.region)
    return inside
