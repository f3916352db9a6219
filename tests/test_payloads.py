"""S17: whatever a user may load, a payload in its place runs nothing, and is refused in words."""

import gzip
import hashlib
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pointillist.core.annotation import read_annotation
from pointillist.core.config import read_yaml, validated
from pointillist.core.durable import MANIFEST
from pointillist.core.errors import InputError
from pointillist.data.decode import image_header, read_image
from pointillist.data.mask import read_mask
from pointillist.datasets import Folder
from pointillist.exchange import IMPORTERS
from pointillist.propagate.sam_weights import load_segmenter
from pointillist.study.execute import read_results
from pointillist.study.report import read_study
from pointillist.study.study import Study
from pointillist.train.run import Run
from pointillist.train.store import read_checkpoint, read_model, read_run
from pointillist.web.snapshot import restore
from pointillist.web.store import Store
from tests.exchange.project import brought, project
from tests.payloads import payloads, pickles
from tests.study.test_study import small

Door = Callable[[Path, bytes], object]


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def generation(folder: Path, **files: bytes) -> Path:
    """Write files as a run keeps them, with a manifest that is true of them."""
    for name, data in files.items():
        put(folder / name, data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    put(folder / MANIFEST, json.dumps({"format": 1, "sha256": hashes}).encode())
    return folder


def beside_image(part: str, ending: str) -> Door:
    def door(home: Path, data: bytes) -> object:
        root = project(home / "data", ("a",))
        put(root / part / f"a.{ending}", data)
        return Folder(root=root).read("a")

    return door


def declared(name: str, **more: object) -> Door:
    def door(home: Path, data: bytes) -> object:
        root = project(home / "data", ("a",), **more)
        put(root / name, data)
        return Folder(root=root).entries

    return door


def importer(form: str) -> Door:
    endings = {
        "masks": "png",
        "ilastik": "npy",
        "napari": "npy",
        "cvat": "xml",
        "csv": "csv",
        "qupath": "geojson",
    }

    def door(home: Path, data: bytes) -> object:
        root = project(home / "data")
        return brought(form, put(home / "theirs" / f"a.{endings.get(form, 'json')}", data), root)

    return door


def checkpoint(home: Path, data: bytes) -> object:
    state = json.dumps({"format": 1, "step": 3}).encode()
    generation(home / "checkpoints" / "step-00000003", **{"weights.safetensors": data, "state.json": state})
    return read_checkpoint(home)


def checkpoint_state(home: Path, data: bytes) -> object:
    generation(home / "checkpoints" / "step-00000003", **{"state.json": data})
    return read_checkpoint(home)


def model(home: Path, data: bytes) -> object:
    about = json.dumps({"format": "pointillist-model-1"}).encode()
    generation(home / "model", **{"model.safetensors": data, "about.json": about})
    return read_model(home)


def model_about(home: Path, data: bytes) -> object:
    from safetensors.torch import save

    generation(home / "model", **{"model.safetensors": save({"w": torch.zeros(1)}), "about.json": data})
    return read_model(home)


def manifest(home: Path, data: bytes) -> object:
    put(home / "model" / MANIFEST, data)
    return read_model(home)


def results(home: Path, data: bytes) -> object:
    study = small(seeds=1)
    put(home / "results" / f"{study.cells[0].run.id}.json", data)
    return read_results(study, home)


def onnx(home: Path, data: bytes) -> object:
    put(home / "encoder.onnx", data)
    put(home / "decoder.onnx", data)
    return load_segmenter(home)


def snapshot(home: Path, data: bytes) -> object:
    from datetime import UTC, datetime

    taken = put(home / "snapshots" / "20260101-000000.sqlite", data)
    return restore(home / "annotations.sqlite", taken, datetime.now(UTC))


DOORS: dict[str, Door] = {
    "image.png": lambda home, data: read_image(put(home / "a.png", data)),
    "image.tif": lambda home, data: read_image(put(home / "a.tif", data)),
    "header.jpg": lambda home, data: image_header(put(home / "a.jpg", data)),
    "mask.png": lambda home, data: read_mask(put(home / "a.png", data), {0: 0, 1: 1}),
    "mask beside an image": beside_image("masks", "tif"),
    "label map beside an image": beside_image("labels", "png"),
    "region beside an image": beside_image("regions", "png"),
    "annotation beside an image": beside_image("annotations", "json"),
    "annotation.json": lambda home, data: read_annotation(put(home / "a.json", data)),
    "pointillist.yaml": declared("pointillist.yaml"),
    "groups.csv": declared("groups.csv", groups="groups.csv"),
    "groups.yaml": declared("groups.yaml", groups="groups.yaml"),
    **{f"import {form}": importer(form) for form in IMPORTERS},
    "run.yaml": lambda home, data: validated(Run, read_yaml(put(home / "run.yaml", data))),
    "study.yaml": lambda home, data: validated(Study, read_yaml(put(home / "study.yaml", data))),
    "run.json": lambda home, data: read_run(put(home / "run.json", data).parent),
    "study.json": lambda home, data: read_study(put(home / "study.json", data).parent),
    "results of a study": results,
    "checkpoint": checkpoint,
    "state of a checkpoint": checkpoint_state,
    "model.safetensors": model,
    "about.json": model_about,
    "manifest": manifest,
    "weights of SAM.pth": lambda home, data: load_segmenter(put(home / "mobile_sam.pth", data)),
    "folder of ONNX files": onnx,
    "store of annotations": lambda home, data: Store(put(home / "annotations.sqlite", data)),
    "snapshot": snapshot,
}


def test_the_payloads_are_live(tmp_path: Path) -> None:
    """Loaded without care they do run; else what follows would say nothing."""
    canary = tmp_path / "canary"
    unsafe: dict[str, Callable[[bytes], object]] = dict.fromkeys(pickles(canary), pickle.loads)
    unsafe |= {
        "packed.pickle.gz": lambda data: pickle.loads(gzip.decompress(data)),
        "torch.pth": lambda data: torch.load(io.BytesIO(data), weights_only=False),
        "torch legacy.pth": lambda data: torch.load(io.BytesIO(data), weights_only=False),
        "objects.npy": lambda data: np.load(io.BytesIO(data), allow_pickle=True),
        "objects.npz": lambda data: np.load(io.BytesIO(data), allow_pickle=True)["labels"],
        "apply.yaml": lambda data: yaml.load(data, yaml.UnsafeLoader),
        "in a field.yaml": lambda data: yaml.load(data, yaml.UnsafeLoader),
        "key.yaml": lambda data: yaml.load(data, yaml.UnsafeLoader),
    }
    armed = payloads(canary)
    assert len(armed) >= 40
    for name, load in unsafe.items():
        load(armed[name])
        assert canary.exists(), name
        canary.unlink()


@pytest.mark.parametrize("door", DOORS)
def test_s17_a_payload_is_refused_in_words_and_runs_nothing(tmp_path: Path, door: str) -> None:
    canary = tmp_path / "canary"
    for number, (name, data) in enumerate(payloads(canary).items()):
        home = tmp_path / f"{number}"
        home.mkdir()
        with pytest.raises(InputError) as refused:
            DOORS[door](home, data)
        assert not canary.exists(), f"{name} ran"
        error = refused.value
        assert error.expected, name
        assert error.found, name
        assert error.fix.strip(), name
        assert len(str(error)) < 5000, f"{name}: an answer in words, not the file"
