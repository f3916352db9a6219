"""The routes of the annotator: all that a page may ask, behind the gates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from pointillist.core.errors import InputError
from pointillist.data.draw import palette_png
from pointillist.web.anew import Renew
from pointillist.web.answers import answer_errors, reason, with_reasons
from pointillist.web.commit import AnyEvent, RefusedError
from pointillist.web.declare import add_classes
from pointillist.web.download import add_downloads
from pointillist.web.events import Event, Identifier
from pointillist.web.exporter import Exporter
from pointillist.web.guidance import add_guidance
from pointillist.web.jobs import add_jobs
from pointillist.web.listeners import Listeners
from pointillist.web.listing import listed
from pointillist.web.live import Live, Segmentation, painted
from pointillist.web.project import Project
from pointillist.web.scout import Scout
from pointillist.web.training import Training

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PATIENCE_S = 10.0
MOST_NAMES = 100_000
"""Of the JSON that a body with events holds: 500 events have some thousands."""
_AS_BEFORE = "The project can't be opened anew, and what was before is shown:"
_CHECK = "files were added or changed that can't be used, 'pointillist data check' names them. First of all,"


class Sent(BaseModel):
    """Events of one tab on one image."""

    model_config = ConfigDict(extra="forbid")

    client: Identifier
    events: Annotated[list[Event], Field(min_length=1, max_length=500), FailFast()]


def build(project: Project, renew: Renew) -> FastAPI:
    """Make the application of a project; whoever serves it puts the gates in front.

    Args:
        project: its images and marks.
        renew: makes another one, when the project's classes or files have changed.
    """
    listeners = Listeners()
    with ExitStack() as failing:
        failing.callback(project.store.close)
        training = Training(project, listeners.tell)
        live = Live(project)
        scout = Scout(project, live, training, listeners.tell)
        failing.pop_all()
    exporter = Exporter(project, live, scout)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        listeners.begin()
        yield
        listeners.end()
        await asyncio.to_thread(training.close)
        await asyncio.to_thread(exporter.close)
        await asyncio.to_thread(scout.close)
        await asyncio.to_thread(live.close)
        await asyncio.to_thread(project.store.close)

    app = _bare(running)
    _list(app, project, lambda: training.running or exporter.running, renew)
    _images(app, project)
    _marks(app, project, live, listeners)
    _segmentations(app, project, live)
    add_guidance(app, project, live, scout)
    add_jobs(app, project, training, exporter, scout, listeners)
    add_downloads(app, project)
    add_classes(app, project, training, exporter, renew)
    return app


def _bare(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """Make an application that serves the page and says in words what is wrong."""
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    answer_errors(app)
    _page(app)
    return app


def _page(app: FastAPI) -> None:
    home = files("pointillist.web").joinpath("page")
    # Only what lies there is served: no request is joined to a path.
    found = {
        item.name: (item.read_bytes(), f"{KINDS[suffix]}; charset=utf-8")
        for folder in (home, home.joinpath("vendor"))
        for item in folder.iterdir()
        if (suffix := Path(item.name).suffix) in KINDS
    }

    def file(name: str) -> Response:
        if name not in found:
            return JSONResponse({"error": "there is nothing here"}, 404)
        body, kind = found[name]
        return Response(body, media_type=kind, headers={"cache-control": "no-cache"})

    @app.get("/")
    def index() -> Response:
        return file("index.html")

    app.get("/page/{name}")(file)


def _list(app: FastAPI, project: Project, busy: Callable[[], bool], renew: Renew) -> None:
    @app.get("/api/project")
    async def describe(look: bool = True) -> Response:
        notice = ""
        try:
            # A training or an export goes on with what it began with; who asks after its end sees the new.
            # While files are being copied into the folder, each look finds others: it is not looked again.
            may = look and not busy()
            if may and await asyncio.to_thread(project.outdated) and await renew(None):
                return RedirectResponse("/api/project?look=false")
        except (
            Exception
        ) as error:  # Whatever it is, what was before is served, and the next look tries again.
            check = f"{_CHECK} " if isinstance(error, InputError) else ""
            notice = f"{_AS_BEFORE} {check}{reason(error)}"
        return await asyncio.to_thread(_described, project, notice)


def _described(project: Project, notice: str) -> Response:
    classes = [
        {"name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour)}
        for name, colour in zip(project.data.classes, project.data.colours, strict=True)
    ]
    told = {"id": project.store.project, "generation": project.generation, "name": project.title}
    more = {"classes": classes, "renamed": project.data.layout.declaration.renamed or {}, "notice": notice}
    return listed("images", _rows(project), told | more | {"skipped": with_reasons(project.skipped())})


def _images(app: FastAPI, project: Project) -> None:
    @app.get("/api/images/{key}/size")
    def size(key: str) -> dict[str, int | str]:
        name = project.name(key)
        height, width = project.pictures.size(name)
        return {"height": height, "width": width, "file": project.file_of(name)}

    @app.get("/api/images/{key}/tiles/{level}/{place}.png")
    def tile(key: str, level: int, place: str) -> Response:
        col, _, row = place.partition("_")
        found = None
        if all(part.isascii() and part.isdigit() and len(part) < 7 for part in (col, row)):
            found = project.pictures.pyramid(project.name(key)).tile(level, int(col), int(row))
        if found is None:
            return JSONResponse({"error": "there is nothing here"}, 404)
        # A page asks by the file's hash too, so that it never shows what was there before.
        return Response(found, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


def _rows(project: Project) -> Iterator[dict[str, Any]]:
    """Tell of each image that can be shown."""
    counts = project.store.counts()
    for key, name in project.names.items():
        if not project.pictures.readable(name):
            continue  # It is among the skipped.
        one = {"id": key, "name": name, "split": project.splits[name], "marks": counts.get(name, 0)}
        if (size := project.pictures.known_size(name)) is not None:
            one |= {"height": size[0], "width": size[1]}
        if name in project.pictures.broken:
            one["broken"] = project.pictures.broken[name]
        yield one


def _marks(app: FastAPI, project: Project, live: Live, listeners: Listeners) -> None:
    @app.get("/api/images/{key}/marks")
    def marks(key: str, client: Identifier | None = None) -> dict[str, Any]:
        name = project.name(key)
        state, revision = project.on_image(name)
        live.note(revision)
        by = project.authors(name, client)
        told = {
            field: [
                {"id": one, "by": by.get(one, "other"), "mark": mark.model_dump(mode="json")}
                for one, mark in found.items()
            ]
            for field, found in (("marks", state.marks), ("undone", state.undone))
        }
        return {"revision": revision, "generation": project.generation, **told}

    async def events(request: Request) -> Response:
        body, key = await request.body(), request.path_params["key"]
        name = project.name(key)
        # Not in the loop: label maps of many megabytes may be unpacked, and others wait for their answers.
        client, checked = await asyncio.to_thread(_read_events, project, name, body)
        revision = await asyncio.wrap_future(project.store.append(name, client, checked))
        live.note(revision)
        listeners.spread({"type": "marks", "image": key, "revision": revision})
        return JSONResponse({"revision": revision})

    # Starlette's own route: what FastAPI does for an answer takes a tenth of the time that a click costs.
    app.add_route("/api/images/{key}/events", events, ["POST"])


def _read_events(project: Project, name: str, body: bytes) -> tuple[str, list[AnyEvent]]:
    """Give whose events a body holds, and the events as they can be on an image."""
    # Each name that means nothing would be an error of a kilobyte: a million of them fit into a body.
    if body.count(b":") > MOST_NAMES:
        must = f"events must have at most {MOST_NAMES:,} names and values"
        raise RefusedError(must, "more", "Send fewer events at a time.")
    try:
        sent = Sent.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
    return sent.client, project.checked(name, sent.events)


def _segmentations(app: FastAPI, project: Project, live: Live) -> None:
    @app.get("/api/images/{key}/overlay")
    async def segmentation(key: str, after: int = 0) -> Response:
        name = project.name(key)
        found = await live.segmentation(name, after, PATIENCE_S)
        if not isinstance(found, Segmentation):
            return Response(status_code=204, headers={"x-why": found})
        body = await asyncio.to_thread(_overlay, project, name, found)
        headers = {"x-revision": str(found.revision), "x-source": found.source, "cache-control": "no-store"}
        return Response(body, media_type="image/png", headers=headers)

    @app.get("/api/images/{key}/next")
    async def where(key: str) -> dict[str, float]:
        name = project.name(key)
        found = await live.segmentation(name, 0, PATIENCE_S)
        if not isinstance(found, Segmentation):
            return {}
        row, col = found.doubtful(*project.pictures.size(name))
        return {"row": row, "col": col}


def _overlay(project: Project, name: str, found: Segmentation) -> bytes:
    labels = painted(found.labels, project.drawn(name))
    return palette_png(labels, project.data.colours, clear=True, compress_level=1)
