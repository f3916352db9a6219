"""The command line: verbs, and how mistakes are told."""

from __future__ import annotations

import errno
import os
import signal
import sys
from importlib.metadata import version
from platform import python_version
from typing import Annotated

import typer

from pointillist.cli.console import err, out
from pointillist.cli.verbs import Verbs
from pointillist.core.durable import DiskError, disk_in_words
from pointillist.core.errors import InputError
from pointillist.train.stop import Interrupter, NonFiniteError, StoppedError

app = typer.Typer(
    name="pointillist",
    cls=Verbs,
    help="Train image segmentation models from weak annotations, and know how many are enough.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> bool:
    if asked:
        out.print(
            f"pointillist {version('pointillist')}, torch {version('torch')}, Python {python_version()}"
        )
        raise typer.Exit
    return asked


@app.callback()
def _main(
    shown: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it and end.")
    ] = False,
) -> None: ...


USER, DISK_FULL, FAILED, INTERRUPTED = 2, 74, 1, 130
PATH_TROUBLE = {
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def main() -> None:
    """Run a command; a user's mistake is told in one message, without a traceback."""
    interrupter = Interrupter()
    try:
        with interrupter:
            app()
    except InputError as error:
        _tell(f"Error: {error}", USER)
    except StoppedError as error:
        _tell(
            f"{str(error)[0].upper()}{str(error)[1:]}. The same command goes on from there.",
            128 + error.signum,
        )
    except DiskError as error:
        _tell(f"Error: {error}", DISK_FULL)
    except NonFiniteError as error:
        _tell(f"Error: {error}", FAILED)
    except SystemExit as ended:  # Typer's way to end by Ctrl+C, too.
        if interrupter.signum is None or ended.code != INTERRUPTED:
            raise
        _tell(f"Stopped by {signal.Signals(interrupter.signum).name}.", 128 + interrupter.signum)
    except KeyboardInterrupt:
        _tell("Interrupted.", INTERRUPTED)
    except OSError as error:
        if (told := disk_in_words(error)) is not None:
            _tell(f"Error: {told}", DISK_FULL)
        if error.errno in PATH_TROUBLE:
            _tell(f"Error: the path must be readable and writable; got {error}. Check it.", USER)
        raise


def _tell(message: str, code: int) -> None:
    if os.environ.get("POINTILLIST_DEBUG"):
        raise
    err.print(message, soft_wrap=True)
    sys.exit(code)
