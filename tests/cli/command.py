"""Commands as a user types them, in this process or in one of their own."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pointillist.cli import main

TINY = ("--recipe", "plain", "model.widths=[4,8]", "batch=4")


def pointillist(*arguments: str | Path | int, columns: int = 200) -> "Done":
    """Run a command in this process, as its entry point does."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pointillist", *map(str, arguments)])
        patch.setenv("COLUMNS", str(columns))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
                code = 0
            except SystemExit as done:
                code = done.code if isinstance(done.code, int) else int(done.code is not None)
    return Done(code, out.getvalue(), err.getvalue())


def launched(*arguments: str | Path | int, launcher: tuple[str, ...] = (), cwd: Path | None = None) -> "Done":
    """Run a command as a process of its own, as a user does."""
    command = [*(launcher or (sys.executable,)), "-m", "pointillist", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300)
    return Done(done.returncode, done.stdout, done.stderr)


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"
