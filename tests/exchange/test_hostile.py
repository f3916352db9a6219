"""Broken and hostile files, for every format: refused in words, quickly, and nothing is written."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.exchange import IMPORTERS
from tests.exchange.project import brought, project, write
from tests.exchange.test_importers import RUNS, SQUARE, coco, cvat, region, studio

DEEP = "[" * 200_000
HUGE = 10**400
JSON_ROT: list[object] = [
    "",
    "{",
    '{"shapes": [NaN]}',
    DEEP,
    "[1e999]",
    b"\xff\xfe\x00",
    "null",
    "3",
    '"text"',
    "\0",
]


def shape(**changes: object) -> dict[str, object]:
    good = {"label": "cell", "points": [[1, 1], [4, 1], [4, 3]], "shape_type": "polygon"}
    return {"shapes": [{**good, **changes}], "imagePath": "a.png"}


def png(height: int, width: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ones((height, width), np.uint8)).save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def feature(kind: str, coordinates: object) -> dict[str, object]:
    said = {"classification": {"name": "cell"}}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": said}


def runs(counts: object, size: object = (6, 8)) -> dict[str, object]:
    return coco({**RUNS, "segmentation": {"size": size, "counts": counts}})


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotations>&b;</annotations>'
POINT = '<points label="cell" points="{}"/>'
MASK = '<mask label="cell" rle="{}" left="{}" top="0" width="{}" height="{}"/>'
HEADER = "image,class,row,col\n"
NPY = (
    np.lib.format.MAGIC_PREFIX
    + b"\1\0v\0"
    + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000), }"
)

BROKEN: dict[str, dict[str, list[object]]] = {
    "masks": {
        "a.png": [b"", b"\x89PNG\r\n\x1a\n", "text", np.full((6, 8), 7, np.uint8), np.zeros((8, 6), np.uint8)]
    },
    "ilastik": {
        "a.npy": [
            b"",
            b"\x93NUMPY",
            NPY.ljust(128),
            np.zeros((2, 6, 8), np.int64),
            np.zeros((6, 8)),
            np.array([{}], dtype=object),
            np.full((6, 8), 9),
            np.full((6, 8), -1),
        ],
        "a.tif": [b"II*\0", np.full((6, 8), 4, np.uint8)],
    },
    "napari": {
        "a_cell.csv": [
            "",
            "x,y\n1,2\n",
            "index,axis-0,axis-1\n0,nan,1\n",
            "index,axis-0,axis-1\n0,inf,1\n",
            "index,axis-0,axis-1\n0,1\n",
            "index,axis-0,axis-1,axis-2\n0,1,2,3\n",
            b"\xff\xfe\xff",
            'axis-0,axis-1\n"1,2',
            "index,shape-type,vertex-index,axis-0,axis-1\n0,polygon,0,1,1\n0,polygon,1,2,2\n",
            "index,shape-type,vertex-index,axis-0,axis-1\n0,rectangle,0,1,1\n0,rectangle,1,2,2\n",
            "index,shape-type,vertex-index,axis-0,axis-1\n0,ellipse,0,1,nan\n",
            "index,shape-type,vertex-index,axis-0,axis-1\nfirst,line,0,1,1\n",
            "shape-type,axis-0,axis-1\nline,1,1\nline,1,2\n",
            "index,shape-type,vertex-index,axis-0,axis-1\n0,,0,1,1\n0,line,1,1,2\n",
        ],
        "a.csv": ["index,axis-0,axis-1\n0,1,1\n"],
        "a.npy": [np.full((6, 8), 9)],
    },
    "coco": {
        "c.json": [
            *JSON_ROT,
            {"images": [], "annotations": [], "categories": []},
            coco({**SQUARE, "segmentation": [[1, 1, 2, 2]]}),
            coco({**SQUARE, "segmentation": [[1, 1, 2, 2, 3, 3, 4]]}),
            coco({**SQUARE, "segmentation": [[1, 1, 2, "2", 3, 3]]}),
            coco({**SQUARE, "segmentation": [[1, 1, 2, HUGE, 3, 3]]}),
            coco({**SQUARE, "segmentation": [[1, 1, 2, 1e300, 3, 3]]}),
            coco({**SQUARE, "segmentation": [[1, 1, 2, True, 3, 3]]}),
            runs([10**18, 10**18]),
            runs([2**40] * 3),
            runs([-5, 53]),
            runs([HUGE]),
            runs([10**9], (10**5, 10**5)),
            runs([3], (1, 3)),
            runs("not counts ~~~~~~"),
            runs("o" * 1000),
            coco(SQUARE, height=HUGE),
            coco(SQUARE, height=0),
            coco(SQUARE, height=10**9, width=10**9),
        ]
    },
    "labelme": {
        "a.json": [
            *JSON_ROT,
            {},
            shape(points=[[1, 1]]),
            shape(points=[[1, 1], [2], [3, 3]]),
            shape(points=[[1, 1], [2, None], [3, 3]]),
            shape(points="many"),
            shape(label=None),
            shape(points=[[1, 1], [1e99, 2], [3, 3]]),
            shape(shape_type="mask", points=[[0, 0], [1, 1]]),
            shape(shape_type="mask", points=[[0, 0], [1, 1]], mask="%%%"),
            shape(shape_type="mask", points=[[0, 0], [1, 1]], mask=png(3, 3)),
            shape(shape_type="mask", points=[[0, 0], [1, 1]], mask=png(2, 2)[:60]),
            shape(shape_type="mask", points=[[0, 0], [99, 99]], mask=png(100, 100)),
            {**shape(), "imageHeight": 8, "imageWidth": 6},
            {**shape(), "imageHeight": "tall", "imageWidth": 6},
        ]
    },
    "label-studio": {
        "s.json": [
            *JSON_ROT,
            {"tasks": []},
            [{"image": "a.png", "label": []}],
            [{"data": 3, "annotations": []}],
            [{"data": {}, "annotations": [{"result": 3}]}],
            studio(region("keypointlabels", "cell", x="5", y=5)),
            studio(region("keypointlabels", "cell", x=1e99, y=5)),
            studio(region("polygonlabels", "cell", points=[[1, 1]])),
            studio(region("polygonlabels", "cell", points=[[1, 1], [2, 2], [3]])),
            studio(region("brushlabels", "cell", rle=[])),
            studio(region("brushlabels", "cell", rle=[255] * 200)),
            studio(region("brushlabels", "cell", rle=[0, 0, 0, 192, 57, 255, 255])),
            studio(region("brushlabels", "cell", rle=[256])),
            studio(region("brushlabels", "cell", rle="AAAA")),
            studio({**region("keypointlabels", "cell", x=5, y=5), "original_width": 9}),
            studio({**region("keypointlabels", "cell", x=5, y=5), "image_rotation": 90}),
        ]
    },
    "cvat": {
        "c.xml": [
            "",
            "text",
            "<annotations>",
            BOMB,
            '<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotations/>',
            BOMB.encode("utf-16"),
            '<?xml version="1.0" encoding="nobody"?><annotations/>',
            "<a>" * 100_000,
            "<annotations>" * 60 + "</annotations>" * 60,
            "<html/>",
            "<annotations><track/></annotations>",
            "<annotations/>",
            cvat(POINT.format("1")),
            cvat(POINT.format("1,nan")),
            cvat(POINT.format("1,1e99")),
            cvat(POINT.format("")),
            cvat('<polygon label="cell" points="1,1;2,2"/>'),
            cvat('<box label="cell" xtl="1" ytl="1" xbr="2"/>'),
            cvat('<ellipse label="cell" cx="1" cy="1" rx="inf" ry="1"/>'),
            cvat(MASK.format("1,3", 0, 2, 3)),
            cvat(MASK.format("a", 0, 2, 2)),
            cvat(MASK.format("-1,5", 0, 2, 2)),
            cvat(MASK.format("1000000000000", 0, 10**6, 10**6)),
            cvat(MASK.format("4", 7, 2, 2)),
            cvat(MASK.format("4", -1, 2, 2)),
            cvat(MASK.format("4", 0.5, 2, 2)),
            cvat("", 'width="6" height="8"'),
            cvat("", 'width="6"'),
            cvat("", 'width="1e7" height="x"'),
        ]
    },
    "qupath": {
        "a.geojson": [
            *JSON_ROT,
            {"features": 3},
            feature("Point", [1]),
            feature("Point", ["1", 2]),
            feature("Point", [1e99, 2]),
            feature("LineString", [[1, 2]]),
            feature("Polygon", []),
            feature("Polygon", [[[1, 1], [2, 2], [3, 3]]]),
            feature("Polygon", [[1, 1], [2, 2], [3, 3]]),
            feature("MultiPolygon", None),
            feature("MultiPolygon", json.loads("[" * 90 + "]" * 90)),
        ]
    },
    "csv": {
        "c.csv": [
            "",
            "image,row,col\na,1,1\n",
            HEADER + "a,cell,1,nan\n",
            HEADER + "a,cell,1,inf\n",
            HEADER + "a,cell,1\n",
            HEADER + "a,cell,one,1\n",
            HEADER + 'a,"cell,1,1\n',
            HEADER + "a,cell,1,1\0\n" + "x" * 200_000,
            "image,class,row,col,kind\na,cell,1,1,circle\n",
            "image,class,row,col,kind\na,cell,1,1,box\n",
            "image,class,row,col,radius\na,cell,1,1,-1\n",
            "image,class,row,col,kind,width\na,cell,1,1,scribble,0\n",
            b"image,class,row,col\na,c\xe9ll,1,1\n",
        ]
    },
    "json": {
        "a.json": [
            *JSON_ROT,
            {"format": "pointillist-annotations-1"},
            {"format": "pointillist-annotations-1", "annotations": [3]},
            {"format": "pointillist-annotation-1", "name": "a", "height": 6, "width": 8},
            {"name": "a", "height": 8, "width": 6, "classes": ["background", "cell"]},
            {"name": "a", "height": 10**6, "width": 10**6, "classes": ["background", "cell"]},
        ]
    },
}
CASES = [
    pytest.param(form, name, content, id=f"{form}-{name}-{number}")
    for form, files in BROKEN.items()
    for name, contents in files.items()
    for number, content in enumerate(contents)
]


def test_every_format_has_its_broken_files() -> None:
    assert set(BROKEN) == set(IMPORTERS)


@pytest.mark.parametrize(("form", "name", "content"), CASES)
def test_broken_files_are_refused_in_words(form: str, name: str, content: object, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    if isinstance(content, np.ndarray) and content.dtype == object:
        path = tmp_path / "in" / name
        path.parent.mkdir()
        np.save(path, content, allow_pickle=True)
    else:
        path = write(tmp_path / "in" / name, content)
    with pytest.raises(InputError) as caught:
        brought(form, path, root)
    assert str(caught.value).rstrip().endswith(".")
    # A mistake is told once, not as the cause of another.
    assert all(str(error).count("; got ") == 1 for error in getattr(caught.value, "errors", (caught.value,)))
    assert not (root / "annotations").exists()


@pytest.mark.parametrize("form", IMPORTERS)
def test_nothing_there_is_refused(form: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(InputError):
            brought(form, path, root)


@pytest.mark.parametrize("form", IMPORTERS)
def test_names_never_lead_out_of_the_folder(form: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    evil = "../../../../tmp/evil"
    files = {
        "coco": ("c.json", coco(SQUARE, file_name=f"{evil}/x.png")),
        "labelme": ("a.json", {**shape(), "imagePath": f"{evil}/a.png"}),
        "label-studio": ("s.json", studio(region("keypointlabels", "cell", x=5, y=5), data={"i": evil})),
        "cvat": ("c.xml", cvat("").replace("x/a.png", f"{evil}/a.png")),
        "csv": ("c.csv", HEADER + f"{evil}/a.png,cell,1,1\n"),
        "json": ("a.json", {"name": evil, "height": 6, "width": 8, "classes": ["background", "cell"]}),
    }
    if form not in files:
        pytest.skip("its files are named, not their content")
    name, content = files[form]
    try:
        written = brought(form, write(tmp_path / "in" / name, content), root).write("refuse")
    except InputError:
        return
    assert [path.parent for path in written] == [root / "annotations"]


def test_all_wrong_files_are_named_at_once(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.json", "{")
    with pytest.raises(InputError, match=r"(?s)a\.json.*b\.json"):
        brought("labelme", tmp_path / "in", root)


def test_what_lies_outside_the_image_is_skipped_and_counted(tmp_path: Path) -> None:
    far = {"shapes": [], "imagePath": "a.png"}
    for kind, points in {
        "point": [[99, 1]],
        "line": [[90, 1], [99, 1]],
        "rectangle": [[90, 1], [99, 9]],
        "polygon": [[90, 1], [99, 9], [90, 9]],
        "circle": [[90, 1], [91, 1]],
    }.items():
        far["shapes"].append({"label": "cell", "points": points, "shape_type": kind})  # type: ignore[attr-defined]
    far["shapes"].append({"label": "cell", "points": [[2, 2], [99, 2]], "shape_type": "line"})  # type: ignore[attr-defined]
    intake = brought("labelme", write(tmp_path / "in" / "a.json", far), project(tmp_path / "p"))
    assert intake.skipped.total() == 5
    assert [mark.kind for mark in intake.annotations["a"].marks] == ["scribble"]
