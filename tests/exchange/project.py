"""A small folder of images that takes annotations, and what they come to as label maps."""

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from pointillist.core.annotation import Annotation
from pointillist.core.raster import to_labels
from pointillist.exchange import IMPORTERS, Choices, Intake, bring

CLASSES = ("background", "cell", "debris")
COLOURS = ((0, 0, 0), (255, 0, 0), (0, 0, 255))
SHAPE = (6, 8)


def project(root: Path, names: tuple[str, ...] = ("a", "b"), **declared: object) -> Path:
    (root / "images").mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((*SHAPE, 3), 90 + 9 * number, np.uint8)).save(root / "images" / f"{name}.png")
    words = declared or {"classes": list(CLASSES)}
    (root / "pointillist.yaml").write_text(yaml.safe_dump(words))
    return root


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray) and path.suffix == ".npy":
        np.save(path, content)
    elif isinstance(content, np.ndarray):
        Image.fromarray(content).save(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def brought(form: str, path: Path, root: Path, **choices: object) -> Intake:
    return bring(IMPORTERS[form], path, root, Choices(**choices))  # type: ignore[arg-type]


def drawn(annotation: Annotation) -> str:
    """Write a label map as people read it: a digit for a class, a dot where nothing is known."""
    rows = to_labels(annotation).tolist()
    return "\n".join("".join("." if value == 255 else str(value) for value in row) for row in rows)


def picture(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def label_map(text: str) -> np.ndarray:
    rows = [[255 if letter == "." else int(letter) for letter in line] for line in picture(text).split()]
    return np.array(rows, np.uint8)
