"""`pointillist annotate`: the annotator in a browser."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import warnings
import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from PIL import Image

from pointillist.cli.console import out
from pointillist.cli.listen import BACKLOG, listen, listen_anywhere, reached_at
from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.core.text import counted, typed
from pointillist.train.stop import Listener

if TYPE_CHECKING:
    from pointillist.web.project import Project

FEWEST_LETTERS = 16
TOLD = 5
"""Names of images that are told where something is wrong with many."""


def annotate_command(
    root: Annotated[Path, typer.Argument(metavar="FOLDER", help="Your images.")],
    host: Annotated[str, typer.Option("--host", help="Where to listen: this machine alone by default.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The first free one from 8765 by default.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="POINTILLIST_TOKEN",
            help="What the address must hold; made up by default. Others on this machine may read arguments: "
            "rather set the variable.",
        ),
    ] = None,
    public: Annotated[
        str | None,
        typer.Option(
            "--public",
            metavar="ADDRESS",
            help="Where people open the page, when a proxy shows it elsewhere: https://annotate.example.org.",
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
    restore: Annotated[
        str | None,
        typer.Option(
            "--restore",
            metavar="SNAPSHOT",
            help="Put a snapshot of the annotations back: its name, or 'list'.",
        ),
    ] = None,
    rescue: Annotated[
        bool,
        typer.Option(
            "--rescue",
            help="Of a damaged store, keep the newest snapshot's marks and all that can be read since.",
        ),
    ] = False,
) -> None:
    """Click on images in a browser, see the segmentation follow, train, and export masks."""
    _check_installed()
    if restore is not None and rescue:
        must = "--restore and --rescue must not be given together"
        raise InputError(must, "both", "--rescue takes the newest snapshot by itself.")
    if restore is not None:
        return _restore(root, restore)
    if rescue:
        return _rescue(root)
    from pointillist.web.alone import alone
    from pointillist.web.gates import check_token
    from pointillist.web.names import checked_public, is_local
    from pointillist.web.project import HOME

    host = host.strip("[]")
    public = checked_public(public) if public is not None else None
    if token is not None:
        check_token(token)
    if not is_local(host):
        _check_open(host, token)
    # Large images are meant; and what a decoder suppresses, another thread's decoder may switch on again.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    with alone(root / HOME):
        _annotate(root, host, port, token or secrets.token_urlsafe(24), public, browser)


def _annotate(root: Path, host: str, port: int | None, token: str, public: str | None, browser: bool) -> None:
    from pointillist.web.anew import Anew
    from pointillist.web.garbage import keep_garbage_for_later, none_meanwhile
    from pointillist.web.gates import Gates
    from pointillist.web.names import EVERYWHERE, bracketed, names_of
    from pointillist.web.project import Project
    from pointillist.web.server import build
    from pointillist.web.snapshot import keeping

    with none_meanwhile():
        project = Project(root)
        first = iter([project])
        application = Anew(lambda renew: build(next(first, None) or Project(root), renew))
    listening = listen_anywhere(host) if port is None else listen(host, port)
    number = listening.getsockname()[1]
    ticket = secrets.token_urlsafe(24)
    app = Gates(
        application,
        names=names_of(host, number, public),
        token=token,
        cookie=f"pointillist-{number}",
        tickets={ticket} if browser else set(),
    )
    own = f"http://{bracketed(reached_at(host) if host in EVERYWHERE else host)}:{number}"
    page = f"{public or own}/?token="
    with Listener() as listener:  # From the moment on that Ctrl+C is promised.
        out.print(f"The annotator: {page}{token}\nCtrl+C ends it; every click is on the disk already.")
        _tell_skipped(project)
        if browser:
            # Others on this machine may read a browser's arguments: this lets it in once.
            webbrowser.open(f"{page}{ticket}")
        keep_garbage_for_later()
        with keeping(project.store.path):
            _serve(app, listening, listener, proxied=public is not None)
    if listener.signum is not None:
        raise typer.Exit(128 + listener.signum)


def _tell_skipped(project: Project) -> None:
    skipped, missing = project.skipped(), project.missing
    if broken := [name for name in skipped if name not in missing]:
        out.print(
            f"{counted(len(broken), 'images')} can't be read: {_listed(broken)}. "
            f"'pointillist data check {typed(project.data.root)}' says why."
        )
    if missing:
        out.print(
            f"{counted(len(missing), 'images')} with marks can't be found: {_listed(missing)}. "
            "The marks are kept: put the files back under these names."
        )
    if others := [path.name for path in project.data.layout.passed_over]:
        out.print(f"{counted(len(others), 'files')} of no format that can be read: {_listed(others)}.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more


def _check_open(host: str, token: str | None) -> None:
    if token is None or len(token) < FEWEST_LETTERS:
        must = f"--host {host} must come with a --token of at least {FEWEST_LETTERS} letters"
        fix = "Anyone who reaches this machine could ask; or leave --host out."
        raise InputError(must, "none" if token is None else f"{len(token)}", fix)
    out.print("Mind: without TLS, whoever listens on the way can read the token and the images.")


def _serve(app: Any, listening: socket.socket, listener: Listener, proxied: bool) -> None:
    import uvicorn

    from pointillist.web.connection import Impatient, Stoppable, allow_many_files

    allow_many_files()
    config = uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        log_level="warning",
        access_log=False,
        backlog=BACKLOG,
        # Who asks is what a proxy says; without one, who guesses at the token could give any address.
        proxy_headers=proxied,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    server = Stoppable(config, listener)
    # At the end pages still listen: that they are cut off is no error to tell with a traceback.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not (server.should_exit and _cut_off(record)))
    server.run(sockets=[listening])


def _cut_off(record: logging.LogRecord) -> bool:
    raised = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return isinstance(raised, asyncio.CancelledError) or record.getMessage().startswith("Cancel ")


def _restore(root: Path, name: str) -> None:
    from pointillist.web.project import store_of
    from pointillist.web.snapshot import last, restore, snapshots

    store = store_of(root)
    found = snapshots(store)
    known = "\n".join(f"  {path.name}  {last(path)} events" for path in found) or "  none"
    if name == "list":
        return out.print(f"Snapshots of {store} (names tell the time, UTC):\n{known}")
    chosen = next((path for path in found if path.name == name), None)
    if chosen is None:
        fix = f"Choose one:\n{known}"
        raise InputError("--restore must name a snapshot", repr(name), fix, store.parent / "snapshots")
    aside = restore(store, chosen, datetime.now(UTC))
    out.print(f"{store} has the {last(chosen)} events of {name} again.\nWhat was there is kept: {aside}")


def _rescue(root: Path) -> None:
    from pointillist.web.project import store_of
    from pointillist.web.rescue import rescue

    store = store_of(root)
    if not store.exists():
        fix = "Name the folder whose images were annotated."
        raise InputError("--rescue must find a store of annotations", "none", fix, store)
    done = rescue(store, datetime.now(UTC))
    gaps = f"; {done.gaps} can't be read" if done.gaps else ""
    out.print(
        f"{store} has {done.copied + done.read} events: {done.copied} of the newest snapshot, "
        f"{done.read} read from the damaged file{gaps}.\nWhat was there is kept: {done.aside}"
    )


def _check_installed() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise InputError(
            "the annotator needs the packages fastapi and uvicorn", "none", f"Run {install('annotate')}."
        ) from None
