"""`pointillist import` and `pointillist export`, as they are typed."""

from pathlib import Path

import numpy as np
import pytest

from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.marks import Box, Points
from pointillist.exchange import EXPORTERS, IMPORTERS
from tests.cli.command import pointillist
from tests.exchange.project import CLASSES, label_map, project, write
from tests.exchange.test_importers import RUNS, SQUARE, coco

MAP = label_map("00011100 00011100 00011100 02222000 00000000 00000000".replace(" ", "\n"))
TREE = {"category_id": 7, "segmentation": [[0, 0, 1, 0, 1, 1]]}


def test_masks_in_and_out_and_in_again(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for name in ("a", "b"):
        write(tmp_path / "m" / f"{name}_mask.png", MAP)
    done = pointillist("import", "masks", tmp_path / "m", "--to", root)
    assert done.code == 0, done
    assert done.out.splitlines()[0] == "2 images: 2 label maps."
    assert (root / "annotations" / "a.json").is_file()
    assert pointillist("data", "check", root).code == 0
    for form in EXPORTERS:
        to = tmp_path / f"out_{form}"
        again = pointillist("export", form, root, "-o", to)
        assert again.code == 0, again
        assert pointillist("export", form, root, "-o", to).code == 2
        assert pointillist("export", form, root, "-o", to, "--replace").code == 0
    back = pointillist("import", "coco", tmp_path / "out_coco", "--to", root)
    assert back.code == 2
    assert "--merge" in back.err
    assert pointillist("import", "coco", tmp_path / "out_coco", "--to", root, "--replace").code == 0


def test_what_is_skipped_is_said(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    data = coco(SQUARE, RUNS, TREE)
    data["images"].append({"id": 9, "file_name": "elsewhere.png"})  # type: ignore[attr-defined]
    path = write(tmp_path / "c.json", data)
    done = pointillist("import", "coco", path, "--to", root)
    assert done.code == 0, done
    assert done.out.splitlines() == [
        "1 image: 2 areas.",
        "Skipped: marks of classes that are not declared: tree (1).",
        "Skipped: images that are not there (1): elsewhere.png.",
        "What no mark covers counts as background.",
        f"Written: {root / 'annotations'}",
        f"Next:    pointillist data check {root}",
    ]
    mapped = pointillist(
        "import", "coco", path, "--to", root, "--class", "tree=debris", "--as", "boxes", "--merge"
    )
    assert "2 boxes" in mapped.out
    assert "outside all of them counts as background" in mapped.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "cocoa", "c.json"), "Did you mean 'coco'"),
        (("import", "coco", "c.json", "--rest", "sky"), "--rest must be"),
        (("import", "coco", "c.json", "--as", "sky"), "--as must be"),
        (("import", "coco", "c.json", "--class", "sky"), "THEIRS=OURS"),
        (("import", "coco", "c.json", "--class", "tree=sky"), "must name a declared class"),
        (("import", "coco", "c.json", "--unlabelled", "3"), "without --unlabelled"),
        (("import", "masks", "c.json", "--as", "boxes"), "without --as"),
        (("import", "masks", "c.json", "--rest", "background"), "without --rest"),
        (("import", "masks", "m", "--class", "cell=cell"), "value of the label images"),
        (("import", "coco", "c.json", "--merge", "--replace"), "exclude each other"),
        (("import", "coco", "nowhere.json"), "nothing there"),
        (("import", "labelme", "c.json"), "shapes"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = project(tmp_path / "p")
    write(tmp_path / "c.json", coco(SQUARE, RUNS, TREE))
    write(tmp_path / "m" / "a.png", MAP)
    done = pointillist(*arguments, "--to", root)
    assert done.code == 2
    assert said in done.err
    assert not (root / "annotations").exists()


def test_clicks_do_not_come_back_from_coco_as_background(tmp_path: Path) -> None:
    root, clicks = project(tmp_path / "p"), tmp_path / "clicks"
    for name in ("a", "b"):
        click = Points(label=1, at=((2.0, 3.0),))
        said = Annotation(name=name, height=6, width=8, classes=CLASSES, marks=(click,))
        write_annotation(clicks / f"{name}.json", said)
    done = pointillist("export", "coco", root, "--annotations", clicks, "-o", tmp_path / "c.json")
    assert done.code == 2, done
    assert "csv, json and geojson hold clicks" in " ".join(done.err.split())
    box = Box(label=1, top=0, left=0, bottom=2, right=2)
    write_annotation(clicks / "a.json", said.model_copy(update={"name": "a", "marks": (click, box)}))
    done = pointillist("export", "coco", root, "--annotations", clicks, "-o", tmp_path / "c.json")
    assert done.code == 0, done
    assert "images without a box or an area of an object" in done.out
    assert pointillist("import", "coco", tmp_path / "c.json", "--to", root).code == 0
    assert [file.name for file in (root / "annotations").iterdir()] == ["a.json"]


def test_export_of_label_maps_checks_them(tmp_path: Path) -> None:
    root, maps = project(tmp_path / "p"), tmp_path / "m"
    write(maps / "a.png", MAP)
    assert pointillist("export", "coco", root, "-o", tmp_path / "c.json", "--masks", maps).code == 0
    assert pointillist("export", "csv", root, "-o", tmp_path / "c.csv", "--masks", maps).code == 2
    assert "must hold annotations" in pointillist("export", "csv", root, "-o", tmp_path / "c.csv").err
    write(maps / "b.png", np.zeros((8, 6), np.uint8))
    done = pointillist("export", "geojson", root, "-o", tmp_path / "g", "--masks", maps)
    assert (done.code, "swapped" in done.err) == (2, True)
    write(maps / "b.png", MAP)
    write(maps / "c.png", MAP)
    assert (
        "an image of its name"
        in pointillist("export", "geojson", root, "-o", tmp_path / "g", "--masks", maps).err
    )
    assert not (tmp_path / "g").exists()


def test_the_document_names_every_format() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text()
    assert [name for name in (*IMPORTERS, *EXPORTERS) if f"| `{name}` |" not in text] == []


def test_classes_that_nobody_declared_replace_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    write(tmp_path / "m" / "a.png", MAP)
    assert pointillist("import", "masks", tmp_path / "m", "--to", root).code == 0
    before = (root / "annotations" / "a.json").read_bytes()
    square = {"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [3, 3], [0, 0]]]}
    stranger = {"classification": {"name": "stranger"}}
    feature = {"type": "Feature", "geometry": square, "properties": stranger}
    collection = {"type": "FeatureCollection", "features": [feature]}
    done = pointillist(
        "import", "qupath", write(tmp_path / "a.geojson", collection), "--to", root, "--replace"
    )
    assert done.code == 2
    assert "got stranger" in " ".join(done.err.split())
    assert (root / "annotations" / "a.json").read_bytes() == before


def test_annotations_lie_beside_loose_images(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for image in (root / "images").iterdir():
        image.rename(root / image.name)
    (root / "images").rmdir()
    write(tmp_path / "m" / "a.png", MAP)
    assert pointillist("import", "masks", tmp_path / "m", "--to", root).code == 0
    assert (root / "annotations" / "a.json").is_file()
