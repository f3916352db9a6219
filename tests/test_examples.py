"""The examples run, and say what their first line promises."""

import importlib.util
import inspect
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
SAYS = {
    "check_metrics": "Dice 0.750",
    "draw_annotations": "strategies.png",
    "own_images": "prediction.png",
    "train_on_clicks": "full masks",
    "your_own_loss": "gradient off the labelled pixels 0",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(path.read_text().splitlines()) <= 60
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = {"folder": tmp_path, "epochs": 1}
    module.main(**{name: asked[name] for name in inspect.signature(module.main).parameters})
    assert SAYS[path.stem] in capsys.readouterr().out
