"""S13: names, labels and texts that are scripts come to a real browser, and stay text."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pointillist.core.rng import numpy_rng
from tests.cli.command import pointillist
from tests.web.browser import CHROMIUM, Server, opened

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")

RUN = "top.__pwned=1"
# Without a slash, which no file name has.
FILES = tuple(
    text.replace("RUN", RUN)
    for text in (
        "<img src=x onerror=RUN>",
        "<svg onload=RUN>",
        "<body onload=RUN>",
        '<iframe srcdoc="&lt;svg onload=RUN&gt;">',
        "<input autofocus onfocus=RUN>",
        "<details open ontoggle=RUN>",
        "<video src=x onerror=RUN>",
        "<audio src onloadstart=RUN>",
        "<style onload=RUN>",
        '<object data="javascript:RUN">',
        '<embed src="javascript:RUN">',
        "<select autofocus onfocus=RUN>",
        '"><img src=x onerror=RUN>',
        "'><svg onload=RUN>",
        '" onmouseover="RUN',
        "' autofocus onfocus='RUN",
        "javascript:RUN",
        "${RUN}",
        '{{constructor.constructor("RUN")()}}',
        "<math><mtext><img src=x onerror=RUN>",
        "<!--><img src=x onerror=RUN>-->",
        "<img src=`x` onerror=RUN>",
        "<a href=javascript:RUN>here",
        "<svg><animate onbegin=RUN attributeName=x dur=1s>",
        "&lt;img src=x onerror=RUN&gt;",
        "<meta http-equiv=refresh content=0;url=javascript:RUN>",
        "<base href=javascript:RUN>",
        "<link rel=stylesheet href=x onerror=RUN>",
        "<marquee onstart=RUN>",
        "<form action=javascript:RUN><button autofocus onfocus=RUN>",
        "<template shadowrootmode=open><img src=x onerror=RUN>",
    )
)
CLASSES = tuple(
    text.replace("RUN", RUN)
    for text in (
        "<script>RUN</script>",
        "</script><script>RUN</script>",
        "</title><script>RUN</script>",
        "</button><img src=x onerror=RUN>",
        "</style><svg/onload=RUN>",
        "</textarea><svg/onload=RUN>",
        "<svg><script>RUN</script></svg>",
        "<script type=module>RUN</script>",
        '<script src="data:text/javascript,RUN"></script>',
        '<a href="data:text/html,<script>RUN</script>">here</a>',
        '"/><script>RUN</script>',
        "\\u003cscript\\u003eRUN\\u003c/script\\u003e",
    )
)
EXIF = tuple(f"<img src=x onerror={RUN} alt={n}>" for n in range(6))
TEXTS = tuple(f"<svg onload={RUN} id=text{n}>" for n in range(4))
SVGS = tuple(f"<svg onload={RUN} id=svg{n}>" for n in range(3))
KINDS = tuple(f"<img src=x onerror={RUN} alt=kind{n}>" for n in range(4))
ADDRESSES = (
    f"<script>{RUN}</script>",
    f"<svg onload={RUN}>",
    f'"><img src=x onerror={RUN}>',
    f"javascript:{RUN}",
)
FOLDER = f"<svg onload={RUN} id=folder>"
WATCH = "addEventListener('securitypolicyviolation', event => (window.__held ??= []).push(event.blockedURI))"


def draw(path: Path, **options: Any) -> None:
    pixels = numpy_rng(0, path.name).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def draw_texts(path: Path) -> None:
    """Draw a JPEG with scripts in its EXIF and its comment, and a PNG with some in its texts."""
    exif = Image.Exif()
    for tag, text in zip((0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298), EXIF, strict=True):
        exif[tag] = text
    draw(path / "camera.jpg", exif=exif, comment=TEXTS[0].encode())
    info = PngInfo()
    info.add_text("Title", TEXTS[1])
    info.add_itxt("Comment", TEXTS[2])
    draw(path / "texts.png", pnginfo=info)


def import_texts(root: Path, home: Path) -> None:
    """Import a file of another tool whose label, description and flags are scripts."""
    shape = {"label": CLASSES[0], "description": TEXTS[3], "group_id": TEXTS[3], "flags": {TEXTS[3]: True}}
    shape |= {"shape_type": "rectangle", "points": [[2, 2], [9, 9]]}
    told = {"shapes": [shape], "imagePath": "camera.jpg", "imageHeight": 12, "imageWidth": 16, "flags": {}}
    (home / "camera.json").write_text(json.dumps(told))
    done = pointillist("import", "labelme", home / "camera.json", "--to", root)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("scripts")
    found = home / FOLDER
    images = found / "images"
    images.mkdir(parents=True)
    (found / "pointillist.yaml").write_text(yaml.safe_dump({"classes": ["background", *CLASSES]}))
    for name in FILES:
        draw(images / f"{name}.png")
    draw_texts(images)
    for name in SVGS:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"><script>{RUN}</script></svg>'
        (images / f"{name}.png").write_text(svg)
    import_texts(found, home)
    return found


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    found = Server(root)
    yield found
    found.kill()


def texts(page: Any, selector: str) -> set[str]:
    return set(page.locator(selector).all_text_contents())


def put_in_outbox(page: Any) -> None:
    """Leave marks of kinds that are scripts where the page keeps what is not saved yet."""
    script = """async kinds => {
        const {id, images} = await (await fetch('/api/project')).json();
        const opening = indexedDB.open(`annotate ${id}`, 1);
        await new Promise((resolve) => (opening.onsuccess = resolve));
        const work = opening.result.transaction('events', 'readwrite');
        kinds.forEach((kind, n) => work.objectStore('events').add({
            image: images[0].id, client: crypto.randomUUID(),
            event: {id: crypto.randomUUID(), sequence: n, kind: 'add', mark: {kind, label: kind}},
        }));
        await new Promise((resolve) => (work.oncomplete = resolve));
    }"""
    page.evaluate(script, list(KINDS))
    page.reload()


def look_everywhere(page: Any) -> None:
    """Bring every text that the page can show to the screen, and find it there as text."""
    names = {*FILES, "camera", "texts"}
    assert texts(page, "#images .name") == names
    assert texts(page, "#classes .name") == {"background", *CLASSES}
    assert page.locator("#project").text_content() == FOLDER
    script = """async (rows) => {
        const seen = [];
        for (const row of rows) {
            const shown = document.getElementById('image-name');
            row.click();
            const name = row.querySelector('.name').textContent;
            for (let tries = 0; tries < 200 && shown.textContent !== name; tries += 1)
                await new Promise((resolve) => setTimeout(resolve, 25));
            seen.push(shown.textContent);
        }
        return seen;
    }"""
    assert set(page.locator("#images button").evaluate_all(script)) == names
    page.locator("#classes button").first.click()
    page.locator("#ink").focus()
    page.keyboard.press("k")
    sync_api.expect(page.locator("#spoken")).to_contain_text("<script")
    page.keyboard.press("k")
    page.keyboard.press("r")
    sync_api.expect(page.locator("#cards img[src]").first).to_be_visible(timeout=20_000)
    assert texts(page, "#cards .name") == names
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export masks and marks").click()
    sync_api.expect(page.locator("#exported")).to_contain_text(FOLDER, timeout=60_000)
    put_in_outbox(page)
    for kind in KINDS:
        sync_api.expect(page.locator("#toasts")).to_contain_text(kind, timeout=20_000)


def came_alive(page: Any) -> dict[str, Any]:
    """Tell what a script, or a part of one that was taken for markup, would have left on the page."""
    return page.evaluate(
        """() => ({
            ran: window.__pwned ?? null,
            held: window.__held ?? [],
            handlers: [...document.querySelectorAll('*')].flatMap((one) =>
                one.getAttributeNames().filter((name) => name.startsWith('on'))),
            scripts: document.querySelectorAll('script').length,
            frames: document.querySelectorAll(
                'iframe, object, embed, base, meta[http-equiv], body a:not(#downloads a)').length,
        })"""
    )


# The policy alone would hold most of these back: without it they must be as harmless.
@pytest.mark.parametrize("bypass_csp", [True, False], ids=["without the policy", "with the policy"])
def test_s13_sixty_scripts_in_names_and_texts_stay_text(
    browser: Any, server: Server, root: Path, bypass_csp: bool
) -> None:
    assert len({*FILES, *CLASSES, *EXIF, *TEXTS, *SVGS, *KINDS, *ADDRESSES, FOLDER}) >= 60
    page = opened(browser, server.address, bypass_csp=bypass_csp)
    problems: list[str] = []
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    page.add_init_script(WATCH)
    page.reload()
    page.locator("#zoom", has_text="%").wait_for()
    look_everywhere(page)
    quiet = {"ran": None, "held": [], "handlers": [], "scripts": 2, "frames": 0}
    assert came_alive(page) == quiet
    for address in ADDRESSES:
        page.goto(f"http://127.0.0.1:{server.port}/#image={address}")
        page.locator("#zoom", has_text="%").wait_for()
        assert came_alive(page) == quiet
        for path in (f"/api/images/{address}/marks", f"/page/{address}", f"/{address}"):
            answer = page.goto(f"http://127.0.0.1:{server.port}{path}")
            assert answer.status in (400, 404)
            assert "html" not in answer.headers["content-type"]
            assert page.evaluate("window.__pwned ?? null") is None
    assert not problems
    page.context.close()
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        stored = store.execute("SELECT body FROM events").fetchall()
    assert len(stored) == 1, "what was imported, and none of the marks of no kind"
    assert RUN not in stored[0][0], "what a tool says beside its marks is not kept"
