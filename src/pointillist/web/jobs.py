"""The routes of what takes longer: training, export, and the news that come of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from pointillist.web.answers import with_reasons
from pointillist.web.export import Exported
from pointillist.web.exporter import Exporter
from pointillist.web.listeners import Listeners
from pointillist.web.project import Project
from pointillist.web.scout import Scout
from pointillist.web.spaced import spaced
from pointillist.web.training import Training


class Wish(BaseModel):
    """Whether another training begins by itself whenever enough has been drawn."""

    model_config = ConfigDict(extra="forbid", strict=True)

    again: bool


class Nothing(BaseModel):
    """The body of a request that says all by its address."""

    model_config = ConfigDict(extra="forbid")


def add_jobs(
    app: FastAPI,
    project: Project,
    training: Training,
    exporter: Exporter,
    scout: Scout,
    listeners: Listeners,
) -> None:
    """Add the routes of training and export, and the stream of news."""

    @app.post("/api/train")
    def train(body: Nothing | None = None) -> dict[str, Any]:
        training.start()
        return {"state": "running", "number": training.number}

    @app.post("/api/train/again")
    def train_again(wish: Wish) -> dict[str, bool]:
        training.again = wish.again
        return {"again": training.again}

    @app.post("/api/train/cancel")
    def cancel(body: Nothing | None = None) -> dict[str, str]:
        training.cancel()
        return {}

    @app.post("/api/export")
    async def write(body: Nothing | None = None) -> Response:
        return await spaced(asyncio.ensure_future(_exported(exporter.begin(), exporter.folder)))

    @app.get("/api/stream")
    async def stream() -> StreamingResponse:
        # A page that was away may show what was there before.
        shown = {"type": "project", "generation": await asyncio.to_thread(lambda: project.generation)}
        first = [shown, *(news for news in (training.news, scout.news) if news)]
        headers = {"cache-control": "no-store"}
        return StreamingResponse(listeners.lines(first), media_type="text/event-stream", headers=headers)


async def _exported(written: Future[Exported], folder: Path) -> dict[str, Any]:
    told = await asyncio.wrap_future(written)
    answer = {"folder": str(folder.absolute()), "files": told.files, "masks": told.masks}
    return answer | {"skipped": with_reasons(told.skipped)}
