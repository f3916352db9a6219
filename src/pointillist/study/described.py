"""A study's description in a file: YAML, or Python that makes it."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pointillist.core.config import problems_of, read_yaml, validated
from pointillist.core.errors import InputError
from pointillist.study.study import Study


def read_described(file: Path) -> Study:
    """Read a study from YAML, or from the name `study` of a Python file, which is run.

    Args:
        file: Python by its ending .py, else YAML.

    Raises:
        InputError: the file is missing, does not run, or does not describe a study.
    """
    if file.suffix.lower() != ".py" or not file.is_file():
        return validated(Study, read_yaml(file), file)
    names = _run(file)
    if "study" not in names:
        fix = "Write study = Study(...) there, outside of any function."
        raise InputError("a study in Python must bear the name 'study'", "no such name", fix, file)
    study = names["study"]
    if isinstance(study, Study):
        return study
    if not isinstance(study, Mapping):
        fix = "Write study = Study(...), from pointillist import Study."
        raise InputError("'study' must be a Study, or a mapping of its fields", f"{study!r:.80}", fix, file)
    return validated(Study, dict(study), file)


def _run(file: Path) -> dict[str, Any]:
    """Run a person's own program, in a namespace of its own and not as the main one."""
    # As Python does for a program: what lies beside it can be imported.
    beside = str(file.absolute().parent)
    sys.path.insert(0, beside)
    try:
        return runpy.run_path(str(file), run_name="study")
    except ValidationError as error:
        raise problems_of(Study, error, file) from None
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)
        ]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
        found = f"{type(error).__name__}: {error}" + (f", in line {line}" if line else "")
        raise InputError("a study in Python must run to its end", found, "Mend it.", file) from None
    finally:
        sys.path.remove(beside)
