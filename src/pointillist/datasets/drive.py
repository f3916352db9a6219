"""DRIVE: 40 fundus images with the retinal vessels drawn by hand, and a second observer on the test half."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray
from pointillist.data.decode import image_size, read_image
from pointillist.data.mask import Code, read_mask
from pointillist.data.pairing import check_same_size, files_by_stem, folder_in_words, meant_root
from pointillist.data.resample import Size, resample, resample_mask
from pointillist.data.split import split_counts
from pointillist.datasets.dataset import Dataset, Entry

HALVES = ("training", "test")
VALIDATION = 4
"""Images of the training half that validate."""
CODES: dict[Code, int] = {0: 0, 1: 1, 255: 1}
SOURCE = (
    "Ask for DRIVE on its page at Grand Challenge, unpack both halves, and point root at the folder that "
    "holds 'training' and 'test'."
)


class Drive(Dataset):
    """Read DRIVE from its official tree.

    ``training|test/images/*.tif`` with the vessels in ``1st_manual/*_manual1.gif`` and the camera's field of
    view in ``mask/*_mask.gif``, which is the sample's region: loss and metrics count inside it. The mask is
    kept as it was drawn: in 31 of the 40 images a few vessel pixels lie outside the region. The official 20
    test images; 4 of the 20 training images, frozen by the MD5 of the name, validate. The distribution
    without the test half's ``1st_manual`` reads too; its test samples have no mask.

    Args:
        root: the folder that holds "training" and "test".
        size: of the samples; None: 584 x 565 as they are. Vessels are one to a few pixels wide.

    Source: Staal et al., "Ridge-based vessel segmentation in color images of the retina", IEEE TMI 23(4),
    2004; research and education only. ``2nd_manual`` counts in 0/1 where ``1st_manual`` counts in 0/255:
    both are read alike.
    """

    crop: ClassVar[int | None] = 256
    crops_per_image: ClassVar[int] = 8
    epochs: ClassVar[int] = 75
    batch: ClassVar[int] = 8
    learning_rate: ClassVar[float] = 4e-3

    kind: Literal["drive"] = "drive"
    root: Path
    size: Size = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Retina and what surrounds it; the vessels."""
        return ("background", "vessel")

    def list_entries(self) -> tuple[Entry, ...]:
        """List both halves.

        Raises:
            InputErrors: one for every image that lacks its vessels or its field of view.
        """
        training, test = (self._names(half) for half in HALVES)
        problems = [*self._missing("training", training), *self._missing("test", test)]
        if twins := sorted(set(training) & set(test)):
            found = f"{', '.join(twins[:5])} in both halves"
            problems.append(InputError("an image must be in one half", found, SOURCE, self.root))
        if problems:
            raise InputErrors(problems)
        held_out = min(VALIDATION, len(training) - 1)
        splits = split_counts(training, (len(training) - held_out, held_out, 0))
        splits += ["test"] * len(test)
        listed = zip([*training, *test], splits, strict=True)
        return tuple(Entry(name=name, split=split, group=name) for name, split in listed)

    def read(self, name: str) -> Sample:
        """Read one image with its vessels and its field of view.

        Raises:
            InputError: there is no such image, or its files are wrong.
        """
        half = self._half(name)
        image = read_image(_file(half, name, "images"))
        size = (image.shape[1], image.shape[2])
        region = _read_map(half, name, "mask", size) == 1
        mask = _read_map(half, name, "1st_manual", size) if self._is_drawn(half) else None
        return resample(Sample(name, image, mask, region, group=name), self.size)

    def second_observer(self, name: str) -> MaskArray | None:
        """Read what the second observer drew: to score as if it were a prediction, never to train on.

        Args:
            name: a sample's; only the test half was drawn twice.

        Shapes:
            uint8 (H, W) of the sample's size; None where there is no second drawing.

        Raises:
            InputError: there is no such image, or the file is wrong.
        """
        half = self._half(name)
        if not _file(half, name, "2nd_manual").is_file():
            return None
        size = image_size(_file(half, name, "images"))
        return resample_mask(_read_map(half, name, "2nd_manual", size), self.size)

    def _half(self, name: str) -> Path:
        return self.root / ("test" if self.entry(name).split == "test" else "training")

    def _names(self, half: str) -> list[str]:
        folder = self.root / half / "images"
        if names := sorted(files_by_stem(folder, {".tif"})):
            return names
        where = folder if folder.is_dir() else self.root
        fix = meant_root(self.root, "training/images") + SOURCE
        raise InputError(f"DRIVE must hold {half}/images/*.tif", folder_in_words(where), fix, where)

    def _is_drawn(self, half: Path) -> bool:
        # Grand Challenge keeps the test half's vessels to itself; other copies of DRIVE hold them.
        return half.name == "training" or bool(files_by_stem(half / "1st_manual", {".gif"}))

    def _missing(self, half: str, names: list[str]) -> list[InputError]:
        parts = ["mask", "1st_manual"] if self._is_drawn(self.root / half) else ["mask"]
        files = [(name, _file(self.root / half, name, part)) for name in names for part in parts]
        return [
            InputError(f"{name} must have {file.name}", folder_in_words(file.parent), SOURCE, file.parent)
            for name, file in files
            if not file.is_file()
        ]


def _file(half: Path, name: str, part: str) -> Path:
    number = name.split("_")[0]
    names = {
        "images": f"{name}.tif",
        "1st_manual": f"{number}_manual1.gif",
        "2nd_manual": f"{number}_manual2.gif",
        "mask": f"{name}_mask.gif",
    }
    return half / part / names[part]


def _read_map(half: Path, name: str, part: str, size: tuple[int, int]) -> MaskArray:
    file = _file(half, name, part)
    drawn = read_mask(file, CODES)
    check_same_size(size, drawn, _file(half, name, "images"), file)
    return drawn
