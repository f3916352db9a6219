"""Fake trees in the official layouts: small generated pictures under the real names and codings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from pointillist.core.rng import numpy_rng
from pointillist.datasets import DATASETS
from pointillist.datasets.dataset import Dataset

_NUMBERS = """
    002 003 004 006 008 009 010 013 014 015 016 017 018 019 020 021 022 023 024 025 027 030 031 032 033 035
    036 037 038 039 040 041 042 043 044 045 047 048 049 050 057 058 061 063 064 065 075 076 078 080 085 088
    090 091 092 101 103 105 107 108 112 118 120 125 126 132 133 134 135 137 138 139 140 142 143 144 146 147
    149 150 152 153 154 155 156 157 159 160 161 162 164 166 168 169 170 171 173 175 176 177 182 196 197 198
    199 200 203 204 206 207 208 210 211 219 226 240 242 243 251 254 256 278 279 280 284 285 304 305 306 312
    328 331 339 347 348 349 356 360 364 365 367 368 369 370 371 372 374 375 376 378 379 380 381 382 383 384
    385 386 388 389 390 392 393 394 395 396 397 398 399 400 402 403 404 405 406 407 408 409 410 411 413 417
    418 419 420 421 423 424 425 426 427 429 430 431 432 433 434 435 436 437"""
PH2_NAMES = tuple(f"IMD{number}" for number in _NUMBERS.split())
DRIVE_NAMES = (*(f"{n}_training" for n in range(21, 41)), *(f"{n:02d}_test" for n in range(1, 21)))


def disc(height: int, width: int, radius: float) -> np.ndarray:
    rows, cols = np.mgrid[:height, :width]
    return (rows - (height - 1) / 2) ** 2 + (cols - (width - 1) / 2) ** 2 <= radius**2


def noise(height: int, width: int, *keys: object) -> np.ndarray:
    return numpy_rng(0, *keys).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ph2_case(root: Path, name: str) -> tuple[Path, Path]:
    case = root / "PH2 Dataset images" / name
    return case / f"{name}_Dermoscopic_Image" / f"{name}.bmp", case / f"{name}_lesion" / f"{name}_lesion.bmp"


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def draw_ph2(root: Path, names: Iterable[str] = PH2_NAMES[:10], size: tuple[int, int] = (58, 77)) -> Path:
    """Draw the mask of IMD002 in RGB and the others in 1 bit, as they are."""
    for name in names:
        image, mask = ph2_case(root, name)
        touch(image, mask)
        lesion = disc(*size, radius=size[0] / 3)
        Image.fromarray(np.where(lesion[:, :, None], noise(*size, name) // 2, 200).astype(np.uint8)).save(
            image
        )
        drawn = Image.fromarray(lesion)
        (drawn.convert("RGB") if name == "IMD002" else drawn).save(mask)
    return root


def drive_vessels(height: int, width: int) -> np.ndarray:
    """Draw a cross that reaches over the field of view, as in 31 of the 40 images."""
    drawn = np.zeros((height, width), bool)
    drawn[height // 2, :] = drawn[:, width // 3] = True
    return drawn


def draw_drive(
    root: Path,
    names: Iterable[str] = (*DRIVE_NAMES[:6], *DRIVE_NAMES[20:23]),
    size: tuple[int, int] = (58, 56),
) -> Path:
    """Draw ``1st_manual`` and ``mask`` in 0/255 and ``2nd_manual`` in a palette's 0/1, as they are."""
    vessels, inside = drive_vessels(*size), disc(*size, radius=size[1] / 2 - 2)
    for name in names:
        number, half = name.split("_")
        image, first, second, region = (
            root / half / part / file
            for part, file in (
                ("images", f"{name}.tif"),
                ("1st_manual", f"{number}_manual1.gif"),
                ("2nd_manual", f"{number}_manual2.gif"),
                ("mask", f"{name}_mask.gif"),
            )
        )
        touch(image, first, region)
        Image.fromarray(np.where(inside[:, :, None], noise(*size, name), 0).astype(np.uint8)).save(image)
        Image.fromarray(np.uint8(255) * vessels).save(first)
        Image.fromarray(np.uint8(255) * inside).save(region)
        if half == "test":
            touch(second)
            indices = Image.fromarray(np.roll(vessels, 1, axis=0).astype(np.uint8), "P")
            indices.putpalette([4, 2, 4, 252, 254, 252])
            indices.save(second, optimize=False)
    return root


CITY = {
    "train": ("22678915_15", "22678930_15", "22828915_15"),
    "val": ("22978945_15",),
    "test": ("22828990_15",),
}


def city(side: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Build blocks of houses: (image (H, W, 3), houses bool (H, W))."""
    rng = numpy_rng(0, "city", name)
    houses = np.zeros((side, side), bool)
    for top in range(4, side - 8, 18):
        for left in range(4, side - 8, 18):
            height, width = rng.integers(5, 13, 2)
            houses[top : top + height, left : left + width] = True
    image = np.where(houses[:, :, None], 150, 70) + rng.integers(-30, 31, (side, side, 3))
    return image.astype(np.uint8), houses


def draw_massachusetts(root: Path, layout: str = "sat", side: int = 150) -> Path:
    """Draw the city with red houses (layout "sat") or white ones ("tiff")."""
    for split, names in CITY.items():
        if layout == "sat":
            folder = root / ("valid" if split == "val" else split)
            folders, colour = (folder / "sat", folder / "map"), (255, 0, 0)
        else:
            folders, colour = (root / "tiff" / split, root / "tiff" / f"{split}_labels"), (255, 255, 255)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            image, houses = city(side, name)
            tifffile.imwrite(folders[0] / f"{name}.tiff", image, photometric="rgb")
            labels = houses[:, :, None] * np.array(colour, np.uint8)
            tifffile.imwrite(folders[1] / f"{name}.tif", labels, photometric="rgb")
    return root


def draw_folder(root: Path) -> Path:
    """Draw nine patients' images, grey and coloured, most with a mask, some with a label map or a region."""
    touch(root / "pointillist.yaml")
    (root / "pointillist.yaml").write_text("groups: '(patient.)'\n")
    drawn = disc(40, 50, 15)
    parts = {
        "masks": (range(2), np.uint8(255) * drawn),
        "labels": ((0,), np.where(disc(40, 50, 4), np.uint8(1), np.uint8(255))),
        "regions": ((1,), np.uint8(255) * disc(40, 50, 19)),
    }
    for patient in range(1, 10):
        for number in range(3):
            name = f"patient{patient}-{number}.png"
            files = {part: root / part / name for part, (numbers, _) in parts.items() if number in numbers}
            touch(root / "images" / name, *files.values())
            pixels = noise(40, 50 if number < 2 else 31, name)
            Image.fromarray(pixels[:, :, 0] if number == 2 else pixels).save(root / "images" / name)
            for part, file in files.items():
                Image.fromarray(parts[part][1]).save(file)
    return root


BUILDERS: dict[str, Callable[[Path], Dataset]] = {
    "ph2": lambda root: DATASETS["ph2"](root=draw_ph2(root)),
    "drive": lambda root: DATASETS["drive"](root=draw_drive(root)),
    "folder": lambda root: DATASETS["folder"](root=draw_folder(root)),
    "massachusetts": lambda root: DATASETS["massachusetts"](root=draw_massachusetts(root), tile=64),
}


def build(kind: str, root: Path) -> Dataset:
    """Build a data set on a small tree of its own; those that draw themselves need none."""
    return BUILDERS.get(kind, lambda _: DATASETS[kind]())(root)
