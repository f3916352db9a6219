"""One thread for every test process, run-time checks of every annotated shape, the real data if at hand."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

import tests.typecheck  # noqa: F401

# For the whole session: modules that are imported later are checked too.
install_import_hook("pointillist", "tests.typecheck.check")

import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile(
    "default",
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


def _real(name: str) -> Path:
    root = Path(os.environ.get("POINTILLIST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / name).is_dir():
        pytest.skip(f"real data {name} is not at hand: set POINTILLIST_DATA to the folder that holds it")
    return root / name


@pytest.fixture
def ph2_root() -> Path:
    return _real("PH2Dataset")


@pytest.fixture
def drive_root() -> Path:
    return _real("DRIVE")
