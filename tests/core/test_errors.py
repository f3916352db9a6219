"""A user's mistake is told as well when it was made in another process."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from pointillist.core.errors import InputError, InputErrors
from pointillist.data.container import FileError

ONE = InputError("crop must be even", "7", "Take 8.", Path("run.yaml"))
FILE = FileError("H32", "a mask must have its image's size", "3 x 4", "Export it again.", Path("a.png"))


def fail(error: InputError) -> None:
    raise error


@pytest.mark.parametrize(
    "error", [ONE, FILE, InputErrors([ONE, FILE])], ids=lambda error: type(error).__name__
)
def test_a_mistake_comes_whole_from_another_process(error: InputError) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(fail, error).exception()
    assert isinstance(found, type(error))
    assert str(found) == str(error)
    assert (found.expected, found.found, found.fix, found.file) == (
        error.expected,
        error.found,
        error.fix,
        error.file,
    )
