"""The routes that say where to look: the most useful image, the gauge, all results at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Response

from pointillist.core.errors import InputError
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.scout import Scout
from pointillist.web.thumbnail import draw_thumbnail


def _most_useful(project: Project, viewed: str | None, doubts: Mapping[str, float]) -> str | None:
    """Choose the most doubtful image, or while none is known the one with the fewest marks."""

    def whole(name: str) -> bool:
        return name not in project.pictures.broken and project.pictures.readable(name)

    if known := [name for name in doubts if name != viewed and whole(name)]:
        return max(known, key=lambda name: doubts[name])
    counts = project.store.counts()
    others = (name for name in project.splits if name != viewed and whole(name))
    # Of a large project nearly all have none: the first of them, without looking at the others.
    least = viewed = viewed if viewed is not None and whole(viewed) else None
    for name in others:
        if name not in counts:
            return name
        if least is None or least == viewed or counts[name] < counts[least]:
            least = name
    return least


def add_guidance(app: FastAPI, project: Project, live: Live, scout: Scout) -> None:
    """Add the routes of the most useful image, the gauge and the results."""

    @app.get("/api/next-image")
    def which() -> dict[str, str]:
        while (found := _most_useful(project, live.viewed, dict(scout.doubts))) is not None:
            with suppress(InputError):  # It is noted, and not chosen again.
                project.pictures.sample(found)
                return {"id": project.keys[found]}
        return {}

    @app.get("/api/gauge")
    def agreement() -> dict[str, Any]:
        return scout.news

    @app.get("/api/results")
    def results() -> dict[str, Any]:
        counts, found = project.store.counts(), []
        for key, name in project.names.items():
            if project.pictures.readable(name):
                doubt = scout.doubts.get(name)
                found.append({"id": key, "name": name, "marks": counts.get(name, 0), "doubt": doubt})
                if name in project.pictures.broken:
                    found[-1]["broken"] = project.pictures.broken[name]
        return {"images": sorted(found, key=lambda one: -(one["doubt"] or 0.0))}

    @app.get("/api/images/{key}/thumbnail.webp")
    def thumbnail(key: str) -> Response:
        body = draw_thumbnail(project, live, project.name(key))
        return Response(body, media_type="image/webp", headers={"cache-control": "no-store"})
