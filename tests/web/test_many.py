"""L06: a project of very many images is shown before their files are read."""

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pointillist.web.pictures import LOOKED_AT
from tests.web.app import served
from tests.web.browser import CHROMIUM, Server, opened

COUNT = 20_000


def many(root: Path, count: int, broken: int) -> Path:
    """Make so many names of two files, one of which, at one place, is no image."""
    (root / "images").mkdir(parents=True)
    good, bad = root / "good", root / "bad"
    Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(good, format="png")
    bad.write_bytes(b"no image")
    for number in range(count):
        os.link(bad if number == broken else good, root / "images" / f"{number:05d}.png")
    return root


def test_l06_of_twenty_thousand_images_the_list_comes_unread_and_each_opens(tmp_path: Path) -> None:
    with served(many(tmp_path / "many", COUNT, broken=0)) as client:
        listed = client.get("/api/project").json()["images"]
        assert [image["name"] for image in listed] == [f"{number:05d}" for number in range(COUNT)]
        assert not any("width" in image for image in listed), "no header was read for it"
        first, last = listed[0]["id"], listed[-1]["id"]
        told = client.get(f"/api/images/{last}/size").json()
        assert (told["height"], told["width"]) == (24, 32)
        assert client.get(f"/api/images/{last}/tiles/5/0_0.png").status_code == 200
        mark = {"kind": "points", "label": 1, "at": [[2.0, 3.0]], "radius": 0.0}
        event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": 0, "mark": mark}
        body = {"client": str(uuid.uuid4()), "events": [event]}
        assert client.post(f"/api/images/{last}/events", json=body).status_code == 200
        # What turns out to be no image is refused in words, and not shown from then on.
        refused = client.get(f"/api/images/{first}/size")
        assert refused.status_code == 409
        assert "image" in refused.json()["error"]
        assert client.get("/api/next-image").json() != {"id": first}
        again = client.get("/api/project").json()["images"]
        assert [image["id"] for image in again] == [image["id"] for image in listed[1:]]
        assert {image["name"]: image["marks"] for image in again}[f"{COUNT - 1:05d}"] == 1
        assert {"height": 24, "width": 32}.items() <= again[-1].items()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")
def test_l06_the_page_asks_for_a_size_when_it_opens_an_image(request: Any, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    server = Server(many(tmp_path / "many", LOOKED_AT + 1, broken=1))
    page = opened(request.getfixturevalue("browser"), f"{server.address}")
    try:
        # Pressed where they are: rows out of sight have no height, and move as the list is scrolled.
        rows, press = page.locator("#images button"), "row => row.click()"
        sync_api.expect(rows).to_have_count(LOOKED_AT + 1)
        rows.last.evaluate(press)
        sync_api.expect(page.locator("#image-name")).to_have_attribute(
            "title", f"{LOOKED_AT:05d}: 32 \u00d7 24"
        )
        rows.nth(1).evaluate(press)
        sync_api.expect(page.locator("#notice")).to_contain_text("an image must", timeout=30_000)
        rows.nth(2).evaluate(press)
        sync_api.expect(page.locator("#image-name")).to_have_attribute(
            "title", "00002: 32 \u00d7 24", timeout=30_000
        )
    finally:
        page.context.close()
        server.kill()
