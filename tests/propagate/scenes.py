"""Small scenes with seeds, and a slow walker's reference."""

from dataclasses import replace

import numpy as np

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE


def seeded(labels: np.ndarray, num_classes: int = 2) -> Known:
    known = Known.nothing(num_classes, *labels.shape)
    return replace(known, labels=labels.astype(np.uint8))


def boxed(height: int, width: int, *boxes: tuple[int, int, int, int, int]) -> Known:
    """Boxes (class, top, left, bottom, right), with the background filled in as annotations do."""
    labels = np.zeros((height, width), np.uint8)
    for _, top, left, bottom, right in boxes:
        labels[top:bottom, left:right] = IGNORE
    known = seeded(labels, 1 + max(box[0] for box in boxes))
    return replace(known, boxes=np.array(boxes, np.int64))


def clicks(height: int, width: int, *at: tuple[int, int, int]) -> np.ndarray:
    """A label map with clicks (row, col, class)."""
    labels = np.full((height, width), IGNORE, np.uint8)
    for row, col, label in at:
        labels[row, col] = label
    return labels


def disc(size: int = 40, channels: int = 3, noise: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc off the centre of a bright noisy image, and its mask."""
    rows, cols = np.mgrid[:size, :size]
    mask = (rows - 0.45 * size) ** 2 + (cols - 0.55 * size) ** 2 < (0.28 * size) ** 2
    rng = np.random.default_rng(0)
    image = np.where(mask, 0.3, 0.7) + noise * rng.standard_normal((channels, size, size))
    return image.clip(0, 1).astype(np.float32), mask.astype(np.uint8)
