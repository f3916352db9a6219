"""Tree energy: probabilities should equal their mean along paths of like colour."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import SuperLU, splu
from torch import Tensor
from torch.autograd.function import once_differentiable

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.disagreement import shrunk
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TreeEnergy(Loss):
    """How far each pixel's probabilities lie from their mean along a tree of like colours.

        L = 1 / |Omega|  sum over i  1/2 sum over c |p_ic - (F p)_ic|
        (F p)_i = sum over j of W_ij p_j / sum over j of W_ij,  W_ij = exp(- D_ij / sigma)

    where p = softmax(logits) and D_ij is the sum of |I_a - I_b|^2 along the path from i to j in the minimum
    spanning tree of the image's pixels, each joined to the four beside it.

    Reads: nothing of the target; the images. Scale: in 0..1, a mean over all pixels of the batch: the share
    of probability that would have to move. It binds regions that a path of small steps joins, however far and
    bent, so thin structures don't shrink for being thin; one gap in a border joins what lies behind it.

    Computed in float64 on the CPU, wherever the network is. Where several neighbours differ by exactly the
    same colour the tree is one of several, so that a mirrored image may get another one.

    Args:
        sigma: sum of squared differences of colour, on [0, 1], along which influence falls to 1 / e.
        side: longest side, in pixels, of the images that trees are grown in; larger ones are averaged down to
            it first. A step takes time in proportion to their pixels.

    >>> image = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    >>> logits = torch.tensor([[90.0, -90.0, -90.0], [-90.0, 90.0, 90.0]]).reshape(1, 2, 1, 3)
    >>> loss = TreeEnergy()(logits, Target.unknown(1, 2, 1, 3), image)
    >>> round(float(loss), 3)  # The first two are alike and should both be half and half
    0.333

    Source: Z. Liang et al., Tree Energy Loss: Towards Sparsely Annotated Semantic Segmentation, CVPR 2022,
    the low-level tree; the filter in linear time: L. Song et al., Learnable Tree Filter, NeurIPS 2019. Ours
    has no tree over the network's features, runs over labelled pixels too, so that it reads no labels,
    takes half the difference, and its gradient is the exact derivative, through F p as well.
    """

    kind: Literal["tree-energy"] = "tree-energy"
    reads: ClassVar[frozenset[str]] = frozenset()

    sigma: float = Field(default=0.02, gt=0)
    side: int = Field(default=128, ge=1)

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        factor = math.ceil(max(probs.shape[2:]) / self.side)
        # On the host before in float64: not every device has it.
        probs, images = shrunk(probs, factor), shrunk(images.detach().cpu().double(), factor)
        forest = Forest(images.numpy(), self.sigma)
        smooth: Tensor = _Smooth.apply(probs, forest)  # type: ignore[no-untyped-call]
        return (probs - smooth).abs().sum() / (2 * probs.numel() / probs.shape[1])


class Forest:
    """The trees of a batch, and sums over them in linear time.

    With parents before children let U have w = exp(- |I_a - I_b|^2 / sigma) at (parent, child). From the
    leaves up every pixel gathers its subtree, s = v + U s; from the roots down it adds what lies beyond its
    parent, t = (1 - w^2) s + U^T t. Both are triangular systems, and one factorisation solves them.

    Args:
        images: (N, C, H, W).
        sigma: as in ``TreeEnergy``.
    """

    def __init__(self, images: Floats, sigma: float) -> None:
        self.order, parents, weights = _trees(images, sigma)
        count = len(self.order)
        children = np.flatnonzero(weights)
        upward = sparse.csc_array((weights[children], (parents[children], children)), shape=(count, count))
        system = sparse.eye_array(count, format="csc") - upward
        # Triangular already: neither rows nor columns may move, or the zeros would fill.
        self.factors: SuperLU = splu(sparse.csc_matrix(system), permc_spec="NATURAL", diag_pivot_thresh=0.0)
        self.beyond = (1 - weights**2)[:, None]
        self.totals = self.sums(np.ones((count, 1)))

    def sums(self, values: Floats) -> Floats:
        """Sum W_ij v_j over all j, for columns of values by pixel."""
        gathered = self.factors.solve(np.ascontiguousarray(values[self.order]))
        spread = np.empty_like(values)
        own = self.beyond * gathered
        spread[self.order] = self.factors.solve(own, trans="T")  # type: ignore[call-overload] # not in the stubs
        return spread


def _trees(images: Floats, sigma: float) -> tuple[Ints, Ints, Floats]:
    """Find each image's tree: pixels from the roots down, their parents' ranks, the weights (0: a root)."""
    n, _, h, w = images.shape
    pixels = np.arange(n * h * w).reshape(n, h, w)
    down = np.square(np.diff(images, axis=2)).sum(1).ravel()
    across = np.square(np.diff(images, axis=3)).sum(1).ravel()
    ones = [pixels[:, :-1].ravel(), pixels[:, :, :-1].ravel(), pixels[:-1, 0, 0]]
    others = [pixels[:, 1:].ravel(), pixels[:, :, 1:].ravel(), pixels[1:, 0, 0]]
    # Images are strung together at their first pixels, the dearest edges: one search visits all of them.
    apart = np.full(n - 1, images.shape[1] * 4.0)
    # One more, as a sparse graph has no edge of length 0; the tree stays the same.
    lengths = np.concatenate([down, across, apart]) + 1
    pairs = (np.concatenate(ones), np.concatenate(others))
    tree = csgraph.minimum_spanning_tree(sparse.csr_matrix((lengths, pairs), shape=(pixels.size,) * 2))
    order, before = csgraph.breadth_first_order(tree, 0, directed=False)
    ranks = np.empty(pixels.size, dtype=np.int64)
    ranks[order] = np.arange(pixels.size)
    above = np.where(before[order] < 0, order, before[order])
    colours = images.transpose(0, 2, 3, 1).reshape(pixels.size, -1)
    steps = np.square(colours[order] - colours[above]).sum(1)
    same_image = (order // (h * w) == above // (h * w)) & (order != above)
    return order.astype(np.int64), ranks[above], np.where(same_image, np.exp(-steps / sigma), 0.0)


class _Smooth(torch.autograd.Function):
    """F p; as W is symmetric, the gradient is the same sum over slopes divided by their pixels' totals."""

    @staticmethod
    def forward(ctx: Any, probs: Tensor, forest: Forest) -> Tensor:
        ctx.forest = forest
        return _like(forest.sums(_columns(probs)) / forest.totals, probs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        forest: Forest = ctx.forest
        return _like(forest.sums(_columns(slopes[0]) / forest.totals), slopes[0]), None


def _columns(maps: Tensor) -> Floats:
    """Lay maps out with a row for each pixel of the batch."""
    columns: Floats = maps.detach().cpu().double().movedim(1, -1).flatten(0, 2).numpy()
    return columns


def _like(columns: Floats, maps: Tensor) -> Tensor:
    """Undo ``_columns``."""
    n, k, h, w = maps.shape
    return torch.from_numpy(columns).reshape(n, h, w, k).movedim(-1, 1).to(maps.dtype).to(maps.device)
