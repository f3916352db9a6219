"""The filled box: what lies in a box is its class."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, ImageArray
from pointillist.propagate.propagator import LocalPropagator, Probs
from pointillist.propagate.start import ellipses


class FilledBox(LocalPropagator):
    """Take each box for its object: the plainest start, and the baseline of every method for boxes.

    What lies outside all boxes is background already; between an ellipse and its box nothing is said. Where
    boxes of different classes overlap, the classes share the pixel. The image is never looked at, and without
    boxes nothing is said.

    Args:
        shape: the whole ``rectangle``, or the ``ellipse`` in it, which leaves the corners out.

    >>> from dataclasses import replace
    >>> known = replace(Known.nothing(2, height=1, width=4), boxes=np.array([[1, 0, 1, 1, 3]]))
    >>> FilledBox(shape="rectangle").spread(np.zeros((3, 1, 4), np.float32), known)[1].tolist()
    [[0.0, 1.0, 1.0, 0.0]]

    Source: J. Dai et al., BoxSup, ICCV 2015, and A. Khoreva et al., Simple does it, CVPR 2017, section 3.1,
    begin with the filled rectangle. The latter's Box^i leaves a border of the box unknown; ours has the
    ellipse instead, since most objects in medical and aerial images are rounder than their boxes.
    """

    kind: Literal["filled-box"] = "filled-box"
    shape: Literal["rectangle", "ellipse"] = "ellipse"

    def spread(self, image: ImageArray, known: Known) -> Probs:
        """Fill the boxes."""
        if self.shape == "ellipse":
            inside = ellipses(known.boxes, len(known.tags), known.labels.shape).astype(np.float32)
        else:
            inside = np.zeros((len(known.tags), *known.labels.shape), np.float32)
            for label, top, left, bottom, right in known.boxes:
                inside[label, top:bottom, left:right] = 1
        inside *= known.labels == IGNORE
        shares: np.ndarray = inside / np.maximum(inside.sum(0), 1)
        return shares
