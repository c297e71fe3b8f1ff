"""The pages are for everybody: axe finds nothing on any of them, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe
import pytest
from everything import ASSETS, PAGES
from gestures import DROP

from assetstore import AssetStore, open_store


def test_no_page_is_left_out(shown: AssetStore) -> None:
    """What a browser is shown under any path of the gallery is among the pages that are judged here."""
    from assetstore_gallery import create_gallery
    from assetstore_gallery.guard import Guard

    guard = create_gallery(shown)
    assert isinstance(guard, Guard)
    paths = {route.path for route in guard.application.routes}  # type: ignore[attr-defined] # an application is anything
    others = {"/", "/static", "/file", "/cover", "/thumbnail", "/specimen.css", "/picker/chosen"}
    pages = {path for path in paths - others if not path.startswith("/do/") and not path.endswith(".json")}
    assert pages == {f"/{urlsplit(path).path}" for path in PAGES.values()} - {"/nothing"}


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
    page.goto(f"{gallery}/asset?key={key}")
    assert [] == axe.problems(page)


@pytest.mark.parametrize("name", ["rename", "move", "edit", "delete", "keys"])
def test_axe_finds_nothing_in_an_open_dialog(name: str, page: Any, gallery: str) -> None:
    """Each dialog has no problem."""
    page.goto(f"{gallery}/asset?key=rules.txt")
    page.locator(f"[data-dialog={name}], [data-open={name}]").click()
    page.locator(f"#doing-{name}[open]").wait_for()
    assert [] == axe.problems(page)


def test_axe_finds_nothing_where_a_link_was_signed(tmp_path: Path, page: Any, serve: Callable[..., str]) -> None:
    """The fields of a store that has public and signed links have no problem."""
    with open_store({"url": f"file:{tmp_path}", "public_url": "https://files.example/"}) as store:
        store.upload(b"text", "a.txt")
        page.goto(f"{serve(store)}/asset?key=a.txt&minutes=15")
        page.locator("#copy-signed").wait_for()
        assert [] == axe.problems(page)


def test_axe_finds_nothing_where_the_trash_is_emptied(page: Any, gallery: str) -> None:
    """The question that is asked before has no problem."""
    page.goto(f"{gallery}/trash")
    page.wait_for_load_state()  # its script has run by then
    page.locator("#trash-empty").click()
    page.locator("#trash-dialog[open]").wait_for()
    assert [] == axe.problems(page)


def test_axe_finds_nothing_on_the_page_of_an_empty_trash(page: Any, serve: Callable[..., str]) -> None:
    """It says that nothing is there, and has no problem."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        page.goto(f"{serve(store)}/trash")
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
