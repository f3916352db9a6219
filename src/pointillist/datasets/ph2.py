"""PH2: 200 dermoscopic images of melanocytic lesions, each with its outline drawn by an expert."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pointillist.core.errors import InputError, InputErrors
from pointillist.core.sample import Sample
from pointillist.data.decode import read_image
from pointillist.data.mask import read_mask
from pointillist.data.pairing import check_same_size, folder_in_words, list_folder, meant_root
from pointillist.data.resample import Size, resample
from pointillist.data.split import default_counts, split_counts
from pointillist.datasets.dataset import Dataset, Entry

IMAGES = "PH2 Dataset images"
SOURCE = (
    "Ask for PH2 on the ADDI project's page at the University of Porto, unpack it, and point root at the "
    f"folder that holds '{IMAGES}'."
)


class Ph2(Dataset):
    """Read PH2 from its official tree.

    ``PH2 Dataset images/IMD002/IMD002_Dermoscopic_Image/IMD002.bmp`` with its mask in
    ``IMD002_lesion/IMD002_lesion.bmp`` beside it. There is no official split: 120 train, 40 validate and 40
    test, frozen by the MD5 of the name (a copy with fewer cases has the same shares). Lesions fill a third of
    an image and touch its border in many: Dice is high from the start.

    Args:
        root: the folder that holds "PH2 Dataset images", or that folder itself.
        size: of the samples; the originals are about 768 x 576 and differ by a few pixels.

    Source: Mendonca et al., "PH2 - a dermoscopic image database for research and benchmarking", EMBC 2013;
    research and education only. 199 of its masks are 1-bit, that of IMD002 is RGB: both are read alike.
    """

    kind: Literal["ph2"] = "ph2"
    root: Path
    size: Size = (144, 192)

    @property
    def classes(self) -> tuple[str, ...]:
        """Skin and what surrounds it; the lesion."""
        return ("background", "lesion")

    def list_entries(self) -> tuple[Entry, ...]:
        """List the cases by name.

        Raises:
            InputErrors: one for every case that lacks its image or its mask.
        """
        folder = self._folder()
        names = [p.name for p in list_folder(folder) if p.name.startswith("IMD") and p.is_dir()]
        if not names:
            layout = f"{IMAGES} must hold folders IMD002, IMD003, ..."
            raise InputError(layout, folder_in_words(folder), SOURCE, folder)
        problems = [
            InputError(
                f"case {name} must hold {path.name}", folder_in_words(path.parent), SOURCE, path.parent
            )
            for name in names
            for path in self._files(name)
            if not path.is_file()
        ]
        if problems:
            raise InputErrors(problems)
        splits = split_counts(names, default_counts(len(names)))
        return tuple(Entry(name=n, split=s, group=n) for n, s in zip(names, splits, strict=True))

    def read(self, name: str) -> Sample:
        """Read one case.

        Raises:
            InputError: there is no such case, or its files are wrong.
        """
        image_file, mask_file = self._files(self.entry(name).name)
        image, mask = read_image(image_file), read_mask(mask_file, {0: 0, 1: 1, 255: 1})
        check_same_size((image.shape[1], image.shape[2]), mask, image_file, mask_file)
        return resample(Sample(name, image, mask, group=name), self.size)

    def _folder(self) -> Path:
        for folder in (self.root / IMAGES, self.root):
            if folder.name == IMAGES and folder.is_dir():
                return folder
        fix = meant_root(self.root, IMAGES) + SOURCE
        raise InputError(f"root must hold '{IMAGES}'", folder_in_words(self.root), fix, self.root)

    def _files(self, name: str) -> tuple[Path, Path]:
        case = self._folder() / name
        return (
            case / f"{name}_Dermoscopic_Image" / f"{name}.bmp",
            case / f"{name}_lesion" / f"{name}_lesion.bmp",
        )
