"""Teachers: who writes soft labels while a network trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from pointillist.core.config import Config
from pointillist.core.shapes import Logits
from pointillist.core.target import Target

Share = Annotated[float, Field(ge=0, le=1)]


class Teacher(Config, ABC):
    """Writes the target's soft labels where neither a label nor a soft label is known already.

    ``sees`` says whose opinion it wants: the averaged network's on the same batch, or the two decoders'.

    Args:
        noise: standard deviation of what is added to the student's images, of the range [0, 1].
    """

    noise: Share = 0.0

    @property
    @abstractmethod
    def sees(self) -> Literal["average", "decoders"]:
        """Whose logits it is given."""

    @abstractmethod
    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Give class probabilities (N, K, H, W), all zeros where it has none.

        Args:
            logits: of the averaged network, or of each decoder; no gradient flows.
            mix: one random number of this step, in [0, 1).
        """

    def write(self, target: Target, logits: tuple[Logits, ...], mix: float) -> Target:
        """Write where nothing else is known."""
        with torch.no_grad():
            opinion = self.opinion(tuple(z.detach().float() for z in logits), mix)
            free = ~target.labelled[:, None] & (target.soft.sum(1, keepdim=True) == 0)
            return replace(target, soft=torch.where(free, opinion, target.soft))


class MeanTeacher(Teacher):
    """The moving average of the weights teaches: its sure predictions are the soft labels.

    The student sees the same images with noise, so that it must agree with a steadier self on another view.

    Args:
        confidence: pixels whose likeliest class is less probable stay unknown.
        noise: standard deviation of what is added to the student's images, of the range [0, 1].

    Source: A. Tarvainen and H. Valpola, Mean teachers are better role models, NeurIPS 2017, equations 1 and
    2 (the average is the run's, its decay `Run.average`); the choice of sure pixels is that of X. Liu et al.,
    USTM, Pattern Recognition 2022, by probability in place of entropy. Our teacher sees the clean image.
    """

    kind: Literal["mean-teacher"] = "mean-teacher"
    confidence: Share = 0.8
    noise: Share = 0.05

    @property
    def sees(self) -> Literal["average", "decoders"]:
        """The average."""
        return "average"

    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Keep what is sure."""
        probs = torch.softmax(logits[0], dim=1)
        return torch.where(probs.amax(1, keepdim=True) >= self.confidence, probs, 0.0)


class TwoDecoders(Teacher):
    """Two decoders on one encoder teach each other: a random mix of their predictions is the soft label.

    Args:
        hard: whether the mix's likeliest class is the label (DMPLS), or the mix itself (DMSPS).
        dropout: share of the features that the second decoder does not get to see.

    Source: X. Luo et al., Scribble-supervised segmentation via dual-branch network and dynamically mixed
    pseudo labels, MICCAI 2022, equation 2, with a new alpha ~ U(0, 1) at every step; soft as in M. Han et
    al., DMSPS, Medical Image Analysis 2024, equation 3. Ours trains the second decoder by the same terms, and
    the first alone predicts.
    """

    kind: Literal["two-decoders"] = "two-decoders"
    hard: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @property
    def sees(self) -> Literal["average", "decoders"]:
        """The decoders."""
        return "decoders"

    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Mix."""
        mixed = mix * torch.softmax(logits[0], dim=1) + (1 - mix) * torch.softmax(logits[1], dim=1)
        if not self.hard:
            return mixed
        return torch.zeros_like(mixed).scatter_(1, mixed.argmax(1, keepdim=True), 1.0)


AnyTeacher = Annotated[MeanTeacher | TwoDecoders, Field(discriminator="kind")]
