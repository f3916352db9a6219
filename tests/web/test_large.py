"""Of an image that is looked at shrunk, each labelled pixel shows its own label, and all are learnt from."""

import io
import uuid
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.marks import Points
from pointillist.core.rng import numpy_rng
from pointillist.web.events import Add
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.store import Store
from tests.web.app import served

SIZE = (1400, 2000)
PLACES = {(700, 1000): 1, (700, 1002): 0, (703, 1001): 1, (702, 1001): 0, (40, 50): 0, (1399, 1999): 1}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "images").mkdir(parents=True)
    Image.fromarray(numpy_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(
        root / "images" / "a.png", compress_level=1
    )
    Project(root).store.close()
    store = Store(root / ".pointillist" / "annotations.sqlite")
    # The last lies on the very pixel of the first and wins over it.
    for (row, col), label in [((700, 1000), 0), *PLACES.items()]:
        mark = Points(label=label, at=((float(row), float(col)),))
        store.append("a", "tab", [Add(id=uuid.uuid4().hex, sequence=0, mark=mark)]).result()
    store.close()
    return root


def test_each_labelled_pixel_shows_its_label(root: Path) -> None:
    with served(root) as client:
        (image,) = client.get("/api/project").json()["images"]
        answer = client.get(f"/api/images/{image['id']}/overlay")
        shown = np.array(Image.open(io.BytesIO(answer.content)))
        assert shown.shape == SIZE
        folder = Path(client.post("/api/export", json={}).json()["folder"])
        mask = np.array(Image.open(folder / "masks" / "a.png"))
    for place, label in PLACES.items():
        assert shown[place] == label
        assert mask[place] == label


def test_all_are_learnt_from_and_the_later_one_on_the_same_pixel(root: Path) -> None:
    project = Project(root)
    live = Live(project)
    try:
        rows = live.labelled("a", project.on_image("a")[1]).rows
        assert sorted(rows[1].tolist()) == [0, 0, 1, 1], "three cells, of which one is of both"
    finally:
        live.close()
        project.store.close()
