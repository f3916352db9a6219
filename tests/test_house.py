"""The house's own laws: imports go down only, every component is in its table, one module writes to disk."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "pointillist"
FLOORS = {"core": 0, "data": 1, "train": 3, "study": 4, "web": 5, "cli": 6}
TABLES = {
    "datasets": ("DATASETS",),
    "annotate": ("ANNOTATORS",),
    "exchange": ("IMPORTERS", "EXPORTERS"),
    "losses": ("LOSSES",),
    "propagate": ("PROPAGATORS",),
    "models": ("MODELS",),
    "metrics": ("METRICS",),
}
# The abstract word of each table, and what its members share.
SHARED = {
    "annotator",
    "loss",
    "model",
    "dataset",
    "seconds",
    "blocks",
    "sizes",
    "trace",
    "sketch",
    "reduction",
    "disagreement",
}
SHARED |= {"survey"}
SHARED |= {"place", "part", "skeleton", "summary", "bootstrap", "propagator"}
SHARED |= {"filters", "pixel_classifier", "trees", "vae"}
SHARED |= {"efficientnet_lite", "imagenet", "painted", "rising", "timm_encoder", "measure", "penalty"}
SHARED |= {"seeded", "start", "pixel_graph", "mixture"}
SHARED |= {"importer", "exporter", "intake", "sheet", "polygon", "runs", "label_image"}
SHARED |= {"sam_encoder", "sam_decoder", "sam_onnx", "onnx_file", "sam_prompt", "sam_weights"}
WRITERS = {"write_text", "write_bytes", "save_file", "savefig", "imwrite", "save", "dump"}


def floor(room: str) -> int:
    return 2 if room in TABLES else FLOORS[room]


def modules() -> list[Path]:
    return [path for path in SOURCE.rglob("*.py") if path.parent != SOURCE]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pointillist."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("pointillist.")}
    return names


def parts() -> Iterator[tuple[Path, ast.AST]]:
    """Give every part of every file of the package, as Python reads it."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down_only(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    wrong = {name for name in imported(path) if name != room and floor(name) >= floor(room)}
    assert not wrong, f"{path.relative_to(SOURCE)} imports {wrong}, which stand on its floor or above"


@pytest.mark.parametrize("room", TABLES)
def test_every_component_file_is_in_its_table(room: str) -> None:
    tables = [getattr(importlib.import_module(f"pointillist.{room}"), name) for name in TABLES[room]]
    listed = {
        (member if isinstance(member, type) else getattr(member, "function", member)).__module__.split(".")[
            -1
        ]
        for table in tables
        for member in table.values()
    }
    files = {p.stem for p in (SOURCE / room).glob("*.py")} - {"__init__"} - SHARED
    assert files <= listed, (
        f"{room}/ has files that no line of {' or '.join(TABLES[room])} names: {files - listed}"
    )


def test_only_durable_writes_to_disk() -> None:
    found = []
    for path, node in parts():
        if path.name == "durable.py" or not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open":
            found.append(f"{path.name}:{node.lineno} open")
        if isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
            owner = ast.unparse(node.func.value)
            inside_replacing = "temporary" in ast.unparse(node) or "buffer" in ast.unparse(node)
            if owner not in {"durable", "yaml", "json"} and not inside_replacing:
                found.append(f"{path.name}:{node.lineno} {ast.unparse(node.func)}")
    assert not found, f"write through core/durable.py: {found}"


SEVERAL = {"Sequence", "Iterable", "Iterator", "Mapping", "Collection", "list", "dict", "set"}
ONE_SIZE = {"Images", "ImageArray", "MaskArray", "RegionArray"}


def test_the_images_of_a_collection_may_differ_in_size() -> None:
    # Beartype looks at one item of a list, by chance: a type that asks one size of all fails now and then.
    found = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for path, node in parts()
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) in SEVERAL
        and ONE_SIZE & {name.id for name in ast.walk(node.slice) if isinstance(name, ast.Name)}
    ]
    assert not found, f"say AnyImage or AnyMask of core/shapes.py: {found}"


FORBIDDEN = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "torch.load", "os.system"}
FORBIDDEN |= {"runpy.run_path", "runpy.run_module", "importlib.import_module", "__import__"}


def _only_tensors(call: ast.Call) -> bool:
    # One known file, by its SHA-256, and even that one as tensors only.
    keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
    return ast.unparse(call.func) == "torch.load" and keywords.get("weights_only") == "True"


def test_nothing_runs_what_a_user_loads() -> None:
    calls = [
        f"{path.name}:{node.lineno} {ast.unparse(node.func)}"
        for path, node in parts()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in FORBIDDEN
        and not (path.name in {"imagenet.py", "sam_weights.py"} and _only_tensors(node))
        # A study in Python is a program that its user runs.
        and not (path.name == "described.py" and ast.unparse(node.func) == "runpy.run_path")
    ]
    assert not calls


UNPACKERS = {"zipfile", "tarfile", "shutil.unpack_archive", "zipimport", "py7zr", "rarfile"}


WRITER = SOURCE / "web" / "download.py"


def test_s20_the_one_archive_is_written_and_never_read() -> None:
    calls = [node for node in ast.walk(ast.parse(WRITER.read_text())) if isinstance(node, ast.Call)]
    opened = [call for call in calls if ast.unparse(call.func) == "ZipFile"]
    assert opened
    assert all(len(call.args) == 2 and ast.unparse(call.args[1]) == "'w'" for call in opened)


def test_s20_no_archive_is_unpacked() -> None:
    """So that no name in one leads out of a folder: archives are unpacked by whoever downloads them."""
    for path, node in parts():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        assert path == WRITER or not UNPACKERS & set(names), path
