"""What is known, spread by a propagator before training: each image once, kept in a folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from pointillist.core import durable
from pointillist.models.vae import Vae
from pointillist.propagate.propagator import Example, Features, LocalPropagator, Propagator
from pointillist.train.features import pretrained_features, train_vae, vae_features
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, supervised

FOLDER = "propagated"
SILENT_S = 20.0
"""After so long a word on how far it is."""


def spread_seeds(run: Run, names: Sequence[str], folder: Path, say: Callable[[str], None]) -> Path | None:
    """Propagate every training image that has not been yet, and say where the results lie.

    A propagator that looks at one image alone is not asked about images of which nothing is known. All images
    are read before the first result is written: data that is wrong leaves no trace. Results are named by all
    that they depend on, so several runs may share the folder, at the same time too.

    Args:
        run: its `propagate` says how; None: nothing is done.
        names: the training images.
        folder: of the results.
        say: told how far it is.
    """
    propagator = run.propagate
    if propagator is None:
        return None
    digests: dict[str, str] = {}
    known = []
    for name in names:
        item = supervised(run, name)
        digests[name] = _digest(item)
        if not item.known.empty:
            known.append(name)
    alone = isinstance(propagator, LocalPropagator)
    target = folder / _key(run, propagator, [] if alone else digests.values())
    wanted = known if alone or not known else names
    missing = [name for name in wanted if not _file(target, name, digests[name]).is_file()]
    if not missing:
        return target
    say(f"Spreading the labels of {len(missing)} images by {propagator.kind}.")
    read = (supervised(run, name) for name in names)
    examples = [] if alone else [(item.sample.image, item.known) for item in read]
    spreader = propagator.prepare(examples, run.seed, _features(propagator, examples, run.seed))
    told = time.monotonic()
    found = np.zeros(len(run.data.classes), bool)
    for number, name in enumerate(missing):
        if time.monotonic() - told > SILENT_S:
            told = time.monotonic()
            say(f"{number} of {len(missing)} images are spread.")
        item = supervised(run, name)
        probs = propagator.propagate(spreader, item.sample.image, item.known)
        if item.region is not None:
            probs = probs * item.region
        found |= probs.any((1, 2))
        packed = torch.from_numpy(np.round(probs * 255).astype(np.uint8))
        durable.write_bytes(_file(target, name, digests[name]), save({"soft": packed}))
    for label in np.flatnonzero(~found) if len(missing) == len(wanted) else ():
        say(f"Warning: {propagator.kind} spread {run.data.classes[label]!r} nowhere.")
    return target


def read_soft(folder: Path, item: Supervised) -> Tensor | None:
    """Read one image's class probabilities, uint8 in 255ths (K, H, W); None: nothing is known of it."""
    path = _file(folder, item.sample.name, _digest(item))
    if item.known.empty and not path.is_file():
        return None
    return load(path.read_bytes())["soft"]


def _features(propagator: Propagator, examples: Sequence[Example], seed: int) -> Features | None:
    if propagator.wants is None:
        return None
    images = [image for image, _ in examples]
    if propagator.wants == "encoder":
        return pretrained_features(len(images[0]))
    return vae_features(train_vae(Vae(), images, seed))


def _key(run: Run, propagator: Propagator, digests: Iterable[str]) -> str:
    """Name what every image's result depends on; all of them where a propagator learns from all together."""
    parts = [propagator.to_json(), str(run.seed), *digests]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _digest(item: Supervised) -> str:
    """Hash what is spread: an image or annotation that changed since is spread anew."""
    digest = hashlib.sha256(item.sample.image.tobytes())
    known = item.known
    for part in (known.labels, known.boxes, known.tags, known.sizes, known.centroids, item.region):
        digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:12]


def _file(folder: Path, name: str, digest: str) -> Path:
    return folder / f"{name}-{digest}.safetensors"
