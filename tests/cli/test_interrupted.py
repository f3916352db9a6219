"""Ctrl+C while the command still loads what it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Torch is the first large thing that is loaded: here it presses Ctrl+C, and ends the command if that goes on.
TORCH = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)\n"


@pytest.mark.parametrize(("begun_with", "code"), [("default_int_handler", 130), ("SIG_IGN", 7)])
def test_ctrl_c_while_loading_ends_quietly(tmp_path: Path, begun_with: str, code: int) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    begin = f"import runpy, signal; signal.signal(signal.SIGINT, signal.{begun_with})"
    begin += "; runpy.run_module('pointillist', run_name='__main__')"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", begin, "train", "--data", "synthetic"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": path}, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_ctrl_c_is_the_commands_own_once_it_runs() -> None:
    look = "import signal, pointillist.__main__; print(signal.getsignal(signal.SIGINT).__name__)"
    begin = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {look}"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "default_int_handler\n")


def test_the_package_loads_nothing_heavy_until_it_is_asked() -> None:
    heavy = "{'torch', 'numpy', 'pydantic'} & {*sys.modules}"
    code = f"import sys, pointillist as pt; print({heavy}, pt.Run.__name__, 'Unet' in dir(pt), pt.__all__[0])"
    code += "; from pointillist import *; print(Unet.__name__); pt.nothing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set() Run True ANNOTATORS\nUnet\n"
    assert "AttributeError: module 'pointillist' has no attribute 'nothing'" in done.stderr


@pytest.mark.parametrize("first", ["pt.Ph2", "import pointillist.train.run", "from pointillist import train"])
def test_train_is_the_function_whatever_is_imported_before(first: str) -> None:
    code = f"import pointillist as pt\n{first}\nprint(callable(pt.train), callable(pt.evaluate))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True True\n", done.stderr
