"""Teachers: who writes soft labels while a network trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pointillist.core.config import Config
from pointillist.core.shapes import Images, Logits
from pointillist.core.target import Target
from pointillist.train.term import ramped

Share = Annotated[float, Field(ge=0, le=1)]


class Teacher(Config, ABC):
    """Writes the target's soft labels; where a label or soft label is known already, only if it says so."""

    @abstractmethod
    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Give class probabilities (N, K, H, W), all zeros where it has none.

        Args:
            logits: of the averaged network, or of each decoder; no gradient flows.
            mix: one random number of this step, in [0, 1).
        """

    def write(self, target: Target, logits: tuple[Logits, ...], mix: float, progress: float) -> Target:
        """Write the opinion beside what is known.

        Args:
            target: what is known; another one is given back.
            logits: as for `opinion`.
            mix: as for `opinion`.
            progress: share of the training that is done.
        """
        with torch.no_grad():
            opinion = self.opinion(tuple(z.detach().float() for z in logits), mix)
            return replace(target, soft=self.soft(target, opinion, progress))

    def soft(self, target: Target, opinion: Tensor, progress: float) -> Tensor:
        """Give the soft labels: the opinion where nothing else is known."""
        free = ~target.labelled[:, None] & (target.soft.sum(1, keepdim=True) == 0)
        return torch.where(free, opinion, target.soft)


class AveragedTeacher(Teacher):
    """A teacher whose opinion is that of the moving average of the weights."""

    def relit(self, images: Images, light: Float[Tensor, "n 2"]) -> Images:
        """Give what the student sees of the images: here, the same.

        Args:
            images: as they are.
            light: two random numbers of each, in [0, 1).
        """
        return images

    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Say what the average thinks, of every pixel."""
        return torch.softmax(logits[0], dim=1)


class MeanTeacher(AveragedTeacher):
    """The moving average of the weights teaches: its sure predictions are the soft labels.

    The student sees the same images in another light, so that it must agree with a steadier self on another
    view.

    Args:
        confidence: pixels whose likeliest class is less probable stay unknown.
        jitter: each of the student's images is made brighter by up to this share of the range [0, 1], either
            way, and its contrast is multiplied by a factor in [1 - jitter, 1 + jitter].

    Source: A. Tarvainen and H. Valpola, Mean teachers are better role models, NeurIPS 2017, equations 1 and
    2 (the average is the run's, its decay `Run.average`); the choice of sure pixels is that of X. Liu et al.,
    USTM, Pattern Recognition 2022, by probability in place of entropy. Our teacher sees the image as it is,
    and the student's differs in its light, not by noise as theirs: batch normalisation then learns the
    statistics of noisy images, and clean ones are told worse (PH2, 5+5 clicks: Dice .74 in place of .89).
    """

    kind: Literal["mean-teacher"] = "mean-teacher"
    confidence: Share = 0.8
    jitter: Share = 0.15

    def relit(self, images: Images, light: Float[Tensor, "n 2"]) -> Images:
        """Give the student's view: each image in a light of its own."""
        draws = 2 * light[:, :, None, None, None].to(images.device) - 1
        brighter, contrast = (self.jitter * draws).unbind(1)
        return (images - 0.5) * (1 + contrast) + 0.5 + brighter

    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Keep what is sure."""
        probs = super().opinion(logits, mix)
        return torch.where(probs.amax(1, keepdim=True) >= self.confidence, probs, 0.0)


class Bootstrap(AveragedTeacher):
    """The moving average of the weights corrects spread labels, which are partly wrong.

        s' = (1 - a) s + a p,    a = share x min(1, progress / ramp)

    where s are the soft labels and p the averaged network's probabilities. A network learns first what most
    labels agree on, and only later their errors by heart; what it has learnt by then outvotes a label that
    contradicts it. Where nothing was spread, p alone is the label, and counts a; what a person drew stays.

    Args:
        share: what the network's opinion counts at its height.
        ramp: share of the training over which it rises to that.

    Source: S. Reed et al., Training deep neural networks on noisy labels with bootstrapping, ICLR 2015
    workshop, soft bootstrapping. Ours asks the average of the weights in place of the network itself, as
    S. Liu et al. correct labels in Adaptive early-learning correction for segmentation from noisy
    annotations, CVPR 2022, there by hard labels and from the epoch on at which learning slows down.
    """

    kind: Literal["bootstrap"] = "bootstrap"
    share: Share = 0.7
    ramp: Share = 0.2

    def soft(self, target: Target, opinion: Tensor, progress: float) -> Tensor:
        """Mix the opinion into what was spread."""
        height = self.share * ramped(progress, self.ramp)
        mixed = (1 - height) * target.soft + height * opinion
        return torch.where(target.labelled[:, None], target.soft, mixed)


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

    def opinion(self, logits: tuple[Logits, ...], mix: float) -> Tensor:
        """Mix."""
        mixed = mix * torch.softmax(logits[0], dim=1) + (1 - mix) * torch.softmax(logits[1], dim=1)
        if not self.hard:
            return mixed
        return torch.zeros_like(mixed).scatter_(1, mixed.argmax(1, keepdim=True), 1.0)


AnyTeacher = Annotated[MeanTeacher | Bootstrap | TwoDecoders, Field(discriminator="kind")]
