"""The routes that say where to look: the most useful image, the gauge, all results at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Response

from pointillist.core.errors import InputError
from pointillist.web.listing import listed
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.scout import Scout
from pointillist.web.thumbnail import draw_thumbnail


def most_useful(project: Project, viewed: str | None, doubts: Mapping[str, float]) -> str | None:
    """Choose the most doubtful image, or while none is known the one with the fewest marks."""

    def whole(name: str) -> bool:
        return name not in project.pictures.broken and project.pictures.readable(name)

    if known := [name for name in doubts if name != viewed and whole(name)]:
        return max(known, key=lambda name: doubts[name])
    counts = project.store.counts()
    found, fewest = None, math.inf
    for name in project.splits:
        count = counts.get(name, 0)
        if count < fewest and name != viewed and whole(name):
            found, fewest = name, count
            if not count:  # Of a large project nearly all have none: the others need no look.
                break
    if found is not None:
        return found
    return viewed if viewed is not None and whole(viewed) else None


def _results(project: Project, doubts: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Tell of each image that can be shown, the most doubtful first."""
    counts, broken = project.store.counts(), project.pictures.broken
    for name in sorted(project.splits, key=lambda name: -doubts.get(name, 0.0)):
        if project.pictures.readable(name):
            one = {"id": project.key(name), "name": name, "marks": counts.get(name, 0)}
            yield one | {"doubt": doubts.get(name)} | ({"broken": broken[name]} if name in broken else {})


def add_guidance(app: FastAPI, project: Project, live: Live, scout: Scout) -> None:
    """Add the routes of the most useful image, the gauge and the results."""

    @app.get("/api/next-image")
    def which() -> dict[str, str]:
        while (found := most_useful(project, live.viewed, dict(scout.doubts))) is not None:
            with suppress(InputError):  # It is noted, and not chosen again.
                project.pictures.sample(found)
                return {"id": project.key(found)}
        return {}

    @app.get("/api/gauge")
    def agreement() -> dict[str, Any]:
        return scout.news

    @app.get("/api/results")
    def results() -> Response:
        return listed("images", _results(project, dict(scout.doubts)), {})

    @app.get("/api/images/{key}/thumbnail.webp")
    def thumbnail(key: str) -> Response:
        body = draw_thumbnail(project, live, project.name(key))
        return Response(body, media_type="image/webp", headers={"cache-control": "no-store"})
