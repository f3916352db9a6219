"""Objects in a label map: connected components with boxes and run-length codes (COCO), and tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from pointillist.core.shapes import MaskArray


class Tag(NamedTuple):
    """One class in one image: its area in pixels, its share of the image, and its connected components."""

    class_name: str
    area: int
    share: float
    components: int


def encode_runs(
    inside: Bool[np.ndarray, "h w"], size: tuple[int, int] | None = None, corner: tuple[int, int] = (0, 0)
) -> list[int]:
    """Give COCO's uncompressed run lengths: down the columns, starting with the pixels outside.

    Args:
        inside: the object, in a window of the image.
        size: rows and columns of the image; the window's by default.
        corner: row and column of the window's first pixel in the image.

    >>> encode_runs(np.array([[False, True], [True, True]]))
    [1, 3]
    >>> encode_runs(np.array([[True]]), size=(2, 3), corner=(1, 1))
    [3, 1, 2]

    Source: the COCO data format; checked in the tests against pycocotools.
    """
    height, width = size or inside.shape
    cols, rows = np.nonzero(inside.T)
    places = (cols + corner[1]) * height + rows + corner[0]
    if not len(places):
        return [height * width]
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate([[0], breaks + 1])]
    stops = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    edges = np.stack([starts, stops], 1).ravel()
    runs: list[int] = np.diff(edges, prepend=0).tolist()
    rest = height * width - int(stops[-1])
    return [*runs, rest] if rest else runs


def components(inside: Bool[np.ndarray, "h w"]) -> tuple[np.ndarray, int]:
    """Number the connected components from 1, and count them."""
    # Eight neighbours: a thin diagonal line is one object.
    labelled, count = ndimage.label(inside, structure=np.ones((3, 3)))
    return labelled, int(count)


def find_objects(
    labels: MaskArray,
    num_classes: int,
    image_id: int,
    first_id: int,
    probs: Float[np.ndarray, "k h w"] | None = None,
    smallest: int = 1,
) -> Iterator[dict[str, Any]]:
    """Give a COCO annotation for every connected component of every foreground class.

    Args:
        labels: label map.
        num_classes: K.
        image_id: COCO's number of the image.
        first_id: number of the first object.
        probs: probabilities, where the map is a prediction; an object's score is their mean over it.
        smallest: components of fewer pixels are left out.
    """
    number = first_id
    for label in range(1, num_classes):
        numbered, _ = components(labels == label)
        for index, place in enumerate(ndimage.find_objects(numbered), start=1):
            inside = numbered[place] == index
            area = int(inside.sum())
            if area < smallest:
                continue
            rows, cols = place
            runs = encode_runs(inside, labels.shape, (rows.start, cols.start))
            found: dict[str, Any] = {
                "id": number,
                "image_id": image_id,
                "category_id": label,
                "bbox": [cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start],
                "area": area,
                "segmentation": {"size": list(labels.shape), "counts": runs},
                "iscrowd": 0,
            }
            if probs is not None:
                found["score"] = round(float(probs[label][place][inside].mean()), 6)
            yield found
            number += 1


def find_tags(prediction: MaskArray, classes: Sequence[str]) -> list[Tag]:
    """List the foreground classes that are in an image, with their areas."""
    tags = []
    for label, name in enumerate(classes[1:], start=1):
        inside = prediction == label
        if area := int(inside.sum()):
            tags.append(Tag(name, area, area / prediction.size, components(inside)[1]))
    return tags
