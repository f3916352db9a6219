"""Each exporter: what it writes comes back as the same marks or pixels, and other tools read it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools.coco import COCO

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark, Points, Scribble, Tag
from pointillist.exchange import EXPORTERS
from tests.exchange.project import CLASSES, COLOURS, SHAPE, brought, drawn, label_map, project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
FULL = label_map(
    """
    11100222
    10102222
    11100020
    00010000
    00000000
    20000001
    """
)
SPARSE = np.where(np.arange(48).reshape(SHAPE) % 5 == 0, 255, FULL).astype(np.uint8)
MARKS = (
    Points(label=1, at=((0.0, 1.25), (5.0, 7.0)), radius=0.0),
    Points(label=0, at=((2.0, 2.0),), radius=1.5),
    Scribble(label=2, path=((0.125, 0.25), (3.0, 4.0), (5.5, -0.5)), width=1.0),
    Scribble(label=1, path=((4.0, 4.0),), width=3.0),
    Box(label=2, top=0, left=1, bottom=3, right=8),
    ExtremePoints(label=1, at=((0.0, 3.0), (2.0, 0.0), (5.0, 3.0), (2.0, 7.0))),
)


def annotation(*marks: object, name: str = "a", classes: tuple[str, ...] = CLASSES) -> Annotation:
    return Annotation(name=name, height=SHAPE[0], width=SHAPE[1], classes=classes, marks=marks)  # type: ignore[arg-type]


def write(form: str, path: Path, *annotations: Annotation, **masks: np.ndarray) -> Path:
    EXPORTERS[form].write(
        path, classes=CLASSES, colours=COLOURS, annotations=annotations, masks=iter(masks.items())
    )
    return path


def test_csv_comes_back_as_the_same_marks(tmp_path: Path) -> None:
    path = write("csv", tmp_path / "c.csv", annotation(*MARKS))
    back = brought("csv", path, project(tmp_path / "p")).annotations["a"]
    assert back.marks == MARKS


def test_s15_csv_runs_nothing_in_a_spreadsheet_and_its_names_come_back(tmp_path: Path) -> None:
    names = ("-background", "=cmd|' /C calc'!A0", "@sum", "+1", "\ttab")
    marks = [Points(label=label, at=((-0.25, 1.0),)) for label in range(5)]
    odd = Annotation(name="-a", height=6, width=8, classes=names, marks=tuple(marks))
    path = tmp_path / "c.csv"
    EXPORTERS["csv"].write(path, classes=names, colours=COLOURS, annotations=[odd])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row[key][0] == "'" for row in rows for key in ("image", "class"))
    assert {row["row"] for row in rows} == {"-0.25"}
    root = project(tmp_path / "p", ("-a",), classes=list(names))
    assert brought("csv", path, root).annotations["-a"].marks == odd.marks


def test_csv_says_what_it_cannot_hold(tmp_path: Path) -> None:
    marks = (Tag(label=1, present=True), Dense.from_map(FULL))
    with pytest.raises(InputError, match="coco and geojson"):
        write("csv", tmp_path / "c.csv", a=FULL)
    written = EXPORTERS["csv"].write(
        tmp_path / "c.csv", classes=CLASSES, colours=COLOURS, annotations=[annotation(*marks)]
    )
    assert written.said()[1] == "Left out, since the format can't say it: tag marks (1), dense marks (1)."


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    before = annotation(*MARKS, Dense.from_map(SPARSE), Tag(label=2, present=False))
    path = write("json", tmp_path / "all.json", before, b=FULL)
    back = brought("json", path, project(tmp_path / "p")).annotations
    assert back["a"] == before
    assert back["b"].marks == (Dense.from_map(FULL),)


@given(hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 2)))
def test_label_maps_come_back_from_coco(tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("coco")
    path = write("coco", folder / "c.json", a=labels)
    rest = None if labels.any() else "background"
    back = brought("coco", path, project(folder / "p"), rest=rest).annotations["a"]
    np.testing.assert_array_equal(back.marks[0].to_map(), labels)  # type: ignore[union-attr]


@given(hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, 255])))
def test_label_maps_come_back_from_geojson(
    tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray
) -> None:
    assume((labels != 255).any())  # A map that says nothing leaves nothing to read.
    folder = tmp_path_factory.mktemp("geojson")
    path = write("geojson", folder / "out", a=labels)
    full = not (labels == 255).any()
    back = brought("qupath", path, project(folder / "p"), rest="background" if full else None)
    expected = np.where(labels == 255, ord("."), labels + ord("0")).astype(np.uint8)
    found = drawn(back.annotations["a"]).encode().replace(b"\n", b"")
    assert found == expected.tobytes()


def test_pycocotools_reads_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.json"
    boxes = annotation(MARKS[4], MARKS[5], MARKS[0], Dense.from_map(SPARSE), name="b")
    written = EXPORTERS["coco"].write(
        path,
        classes=CLASSES,
        colours=COLOURS,
        annotations=[boxes],
        masks=[("a", FULL)],
        files={"a": "a.jpg"},
    )
    theirs = COCO(str(path))
    capsys.readouterr()
    assert {image["file_name"] for image in theirs.imgs.values()} == {"a.jpg", "b"}
    (number,) = (image["id"] for image in theirs.imgs.values() if image["file_name"] == "a.jpg")
    rebuilt = np.zeros(SHAPE, np.uint8)
    for entry in theirs.loadAnns(theirs.getAnnIds(imgIds=number)):
        rebuilt[theirs.annToMask(entry) == 1] = entry["category_id"]
    np.testing.assert_array_equal(rebuilt, FULL)
    assert written.entries["boxes"] == 2
    assert written.left_out["points marks"] == 1
    boxed = [entry["bbox"] for entry in theirs.anns.values() if not entry["segmentation"]]
    assert boxed == [[1, 0, 7, 3], [0, 0, 8, 6]]


CLICKS, LINES = MARKS[:2], MARKS[2:4]
ABSENT = (Tag(label=1, present=False), Tag(label=2, present=False))
GAPS = Dense.from_map(np.where(np.arange(48).reshape(SHAPE) % 5 == 0, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "marks", [CLICKS, LINES, ABSENT[:1], (GAPS,), (), (*CLICKS, *LINES, GAPS, ABSENT[0])]
)
def test_coco_refuses_what_would_read_as_background(marks: tuple[Mark, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 1 image without either"):
        write("coco", tmp_path / "c.json", annotation(*marks))
    assert not (tmp_path / "c.json").exists()


def test_coco_leaves_out_images_that_it_cannot_tell_from_background(tmp_path: Path) -> None:
    kept = [
        annotation(MARKS[4], *CLICKS, name="box"),
        annotation(Dense.from_map(SPARSE), name="sparse"),
        annotation(Dense.from_map(np.zeros(SHAPE, np.uint8)), name="empty"),
        annotation(*ABSENT, name="told"),
    ]
    clicked = annotation(*CLICKS, name="clicked")
    path = tmp_path / "c.json"
    written = EXPORTERS["coco"].write(
        path, classes=CLASSES, colours=COLOURS, annotations=[*kept, clicked], masks=[("gaps", GAPS.to_map())]
    )
    listed = json.loads(path.read_text())["images"]
    assert [image["file_name"] for image in listed] == [one.name for one in kept]
    assert [image["id"] for image in listed] == [1, 2, 3, 4]
    assert written.images == 4
    assert "which would read as background (2)" in written.said()[1]
    root = project(tmp_path / "p", ("box", "sparse", "empty", "told", "clicked", "gaps"))
    # By default an image without an object may as well be one that nobody has looked at.
    assert set(brought("coco", path, root).annotations) == {"box", "sparse"}
    back = brought("coco", path, root, rest="background").annotations
    assert set(back) == {"box", "sparse", "empty", "told"}
    assert drawn(back["empty"]) == drawn(back["told"]) == "\n".join(["0" * 8] * 6)
    boxes = brought("coco", path, root, rest="background", kind="boxes").annotations
    assert boxes["box"].marks == (MARKS[4],)
    assert boxes["told"].marks == ABSENT


def test_geojson_says_what_of_a_mark_it_does_not_hold(tmp_path: Path) -> None:
    written = EXPORTERS["geojson"].write(
        tmp_path / "out", classes=CLASSES, colours=COLOURS, annotations=[annotation(*MARKS)]
    )
    assert written.entries.total() == len(MARKS)
    assert written.left_out == {
        "radii of clicks": 1,
        "widths of lines": 1,
        "that places are ends of objects": 1,
    }


def test_geojson_is_classified_coloured_and_closed(tmp_path: Path) -> None:
    path = write("geojson", tmp_path / "out", annotation(MARKS[0], MARKS[2], MARKS[4]), b=FULL)
    drawn_on = json.loads((path / "a.geojson").read_text())["features"]
    assert [entry["geometry"]["type"] for entry in drawn_on] == ["MultiPoint", "LineString", "Polygon"]
    assert drawn_on[0]["geometry"]["coordinates"] == [[1.75, 0.5], [7.5, 5.5]]
    assert drawn_on[2]["properties"] == {
        "objectType": "annotation",
        "name": "box",
        "classification": {"name": "debris", "color": [0, 0, 255]},
    }
    areas = json.loads((path / "b.geojson").read_text())
    assert areas["type"] == "FeatureCollection"
    # The ring around (0, 0) and the pixel that touches it at a corner are one object of two parts.
    (ringed,) = (entry for entry in areas["features"] if entry["geometry"]["type"] == "MultiPolygon")
    assert [len(rings) for rings in ringed["geometry"]["coordinates"]] == [2, 1]
    for rings in ringed["geometry"]["coordinates"]:
        assert all(ring[0] == ring[-1] for ring in rings)
    back = brought("qupath", path, project(tmp_path / "p"))
    assert set(back.annotations["a"].marks) == {MARKS[0], MARKS[2], MARKS[4]}
    with pytest.raises(InputError, match="folder"):
        write("geojson", path / "a.geojson", b=FULL)
