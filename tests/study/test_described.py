"""A study's description in a file: Python says the same as YAML, and what is wrong with it is told."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from pointillist import Study
from pointillist.core.errors import InputError
from pointillist.study.described import read_described
from tests.study.test_study import small

DOCUMENT = Path(__file__).parents[2] / "docs" / "studies.md"


def described(folder: Path, text: str) -> Study:
    file = folder / "mine.py"
    file.write_text(text)
    return read_described(file)


def test_python_and_yaml_describe_the_same_study(tmp_path: Path) -> None:
    plain = small().model_dump(mode="json")
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    assert read_described(tmp_path / "small.yaml") == small()
    assert described(tmp_path, f"study = {plain!r}") == small()
    made = f"from pointillist import Study\nstudy = Study.model_validate({plain!r})\n"
    assert described(tmp_path, made) == small()


def test_a_program_finds_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine_alone.py").write_text(f"described = {small().model_dump(mode='json')!r}\n")
    before = list(sys.path)
    assert described(tmp_path, "from mine_alone import described as study") == small()
    assert sys.path == before


def test_the_document_shows_a_study_in_python(tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    study = described(tmp_path, text)
    assert len(study.axes["learnt from"]) == 6
    assert study.compare is not None


WRONG = {
    "studdy = 1": "must bear the name 'study'; got no such name",
    "study = 5": "'study' must be a Study, or a mapping of its fields; got 5",
    "x = 1\nstudy = nothing": "got NameError: name 'nothing' is not defined, in line 2",
    "study = (": "must run to its end; got SyntaxError",
    "import sys\nsys.exit(3)": "got SystemExit: 3, in line 2",
    "study = {'name': 'a'}": "axes",
    "from pointillist import Study\nstudy = Study(name='a', axis={})": "Did you mean 'axes'",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_in_python_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=re.escape(WRONG[text])) as told:
        described(tmp_path, text)
    assert "mine.py" in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must exist"):
        read_described(tmp_path / "none.py")
