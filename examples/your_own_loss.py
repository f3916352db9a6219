"""Add a loss: one frozen class. In the package, one line in `losses/__init__.py` puts it under the laws."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

import pointillist as pt
from pointillist.losses import Loss


class Brier(Loss):
    """Mean squared distance between probabilities and truth over the labelled pixels."""

    reads: ClassVar[frozenset[str]] = frozenset({"labels"})
    kind: Literal["brier"] = "brier"

    def __call__(self, logits: Tensor, target: pt.Target, images: Tensor) -> Tensor:
        """Compute the loss."""
        known = target.labelled
        truth = torch.nn.functional.one_hot(target.labels.masked_fill(~known, 0), logits.shape[1])
        squares = (logits.softmax(1) - truth.permute(0, 3, 1, 2)).square().sum(1)
        return (squares * known).sum() / known.sum().clamp(min=1)


def main() -> None:
    labels = torch.tensor([[[0, 1, pt.IGNORE]]])
    logits = torch.zeros(1, 2, 1, 3, requires_grad=True)
    target = pt.Target.from_labels(labels, num_classes=2)
    loss = Brier()(logits, target, torch.zeros(1, 3, 1, 3))
    loss.backward()
    assert logits.grad is not None
    print(f"loss {loss.item():.2f}; gradient off the labelled pixels {logits.grad[..., 2].abs().max():.0f}")


if __name__ == "__main__":
    main()
