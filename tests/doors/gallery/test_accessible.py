"""The pages are for everybody: axe finds nothing on any of them, in light and dark, wide and narrow."""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import axe
import pytest
from gestures import DROP

from assetstore import AssetStore, UploadPolicy, open_store

ORIGIN = "https://app.example"
PAGES = {
    "folder": "browse",
    "list": "browse?view=list",
    "empty folder": "browse?prefix=nothing/",
    "nothing of the kind": "browse?kind=models&prefix=maps/",
    "search": "browse?q=keep",
    "second page": "browse?prefix=many/&sort=size",
    "asset that is not there": "asset?key=gone.png",
    "statistics": "stats",
    "picker": f"picker?origin={ORIGIN}&pick=image/*",
    "empty picker": f"picker?origin={ORIGIN}&prefix=nothing/",
}


def picture() -> bytes:
    """Return a PNG with transparent corners."""
    from PIL import Image, ImageDraw

    out, image = io.BytesIO(), Image.new("RGBA", (300, 200))
    ImageDraw.Draw(image).ellipse((20, 20, 280, 180), fill="seagreen")
    image.save(out, "PNG")
    return out.getvalue()


def sound() -> bytes:
    """Return a WAV of a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    return out.getvalue()


def archive() -> bytes:
    """Return a ZIP of two files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("one.txt", "one")
        file.writestr("two.txt", "two")
    return out.getvalue()


ASSETS = {
    "maps/keep.png": picture(),
    "maps/a name that is so long that it takes more than a line of any card or table 0123456789.png": picture(),
    "film.webm": b"\x1aE\xdf\xa3",
    "bell.wav": sound(),
    "rules.txt": b"Strength 12, <b>and</b> a sword.\n" * 99,
    "weapons.csv": b"name,damage\nsword,1d8\n",
    "hero.json": b'{"name": "Ada", "level": 3}',
    "plan.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "rules.pdf": b"%PDF-1.4\n%%EOF",
    "tiles.zip": archive(),
    "dragon.glb": b"glTF\x02\0\0\0\x0c\0\0\0",
    "runes.ttf": b"\0\1\0\0",
    "taken.bin": b"\0\1\2",
}


@pytest.fixture(scope="module")
def shown() -> Iterator[AssetStore]:
    """Give a store with an asset of each kind and a folder of two pages."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key, data in ASSETS.items():
            store.upload(data, key=key, metadata={"by": "Ada"}, cache_control="max-age=60")
        for number in range(60):
            store.upload(b"x" * number, key=f"many/{number}.bin")
        yield store


@pytest.fixture
def gallery(shown: AssetStore, serve: Callable[..., str]) -> str:
    """Serve the store with all rights and return the address."""
    return serve(shown, frame_ancestors=(ORIGIN,), page_size=50, uploads=UploadPolicy(max_size=2000))


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing_on_a_page(path: str, page: Any, gallery: str) -> None:
    """A page has no problem of any weight."""
    page.goto(f"{gallery}/{path}")
    if "many" in path:
        page.get_by_role("link", name="Next page").click()
    assert [] == axe.problems(page)


@pytest.mark.parametrize("key", ASSETS)
def test_axe_finds_nothing_on_the_page_of_an_asset(key: str, page: Any, gallery: str) -> None:
    """The pages of all kinds have no problem, whatever the file's preview."""
    page.goto(f"{gallery}/asset?key={key}&hours=1")
    assert [] == axe.problems(page)


@pytest.mark.parametrize("name", ["rename", "move", "edit", "delete", "keys"])
def test_axe_finds_nothing_in_an_open_dialog(name: str, page: Any, gallery: str) -> None:
    """Each dialog has no problem."""
    page.goto(f"{gallery}/asset?key=rules.txt")
    page.locator(f"[data-dialog={name}], [data-open={name}]").click()
    page.locator(f"#doing-{name}[open]").wait_for()
    assert [] == axe.problems(page)


def test_axe_finds_nothing_where_files_are_uploaded(page: Any, gallery: str, shown: AssetStore) -> None:
    """The lines of uploads have no problem: one that is done, one that is refused, and one that asks."""
    page.goto(gallery)
    page.evaluate(DROP, [["large.bin"], 3000])
    page.evaluate(DROP, [["new.bin", "taken.bin"], 1000])
    page.get_by_role("button", name="Keep both: taken.bin").wait_for()
    page.locator("#upload-list li", has_text="new.bin").get_by_text("uploaded").wait_for()
    found = axe.problems(page)
    shown.delete("new.bin")
    assert [] == found


@pytest.mark.parametrize("path", ["login", "open?code=wrong"])
def test_axe_finds_nothing_before_somebody_is_let_in(
    path: str, page: Any, shown: AssetStore, serve: Callable[..., str]
) -> None:
    """The form for the token and the page about a link that does not work have no problem."""
    from assetstore_gallery.served import serve_gallery

    page.goto(f"{serve(serve_gallery(shown, path='', token='secret', renew=list).application)}/{path}")
    assert [] == axe.problems(page)
