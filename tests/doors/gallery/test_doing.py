"""What a person does in a gallery, in Chromium."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gestures import DROP

from assetstore import AssetStore, UploadPolicy, open_store
from serving import serving

EXAMPLE = Path(__file__).parents[3] / "examples" / "gallery-picker"
PAST_A_THIRD = "bar => new Promise(done => { const look = () => bar.value > 0.3 ? done() : setTimeout(look, 20); look(); })"
"""Waits until a bar of progress has come so far."""


@contextmanager
def signing(folder: Path, port: int | None = None) -> Iterator[tuple[AssetStore, str]]:
    """Give a store and the URL of its signed requests, which go to another port than its own where one is named."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{port or listener.getsockname()[1]}"
        table = {"url": f"file:{folder}", "serve_url": url, "origins": ["*"]}
        with open_store(table) as store, serving(store.application("asgi"), listener):
            yield store, url


@pytest.fixture(params=["memory", "unreachable", "signed"])
def store(request: pytest.FixtureRequest, tmp_path: Path, page: Any) -> Iterator[AssetStore]:
    """Give a store that signs nothing, one whose signed requests go nowhere, and one that is reached by them."""
    if request.param == "memory":
        with open_store("memory:") as opened:
            yield opened
        return
    with signing(tmp_path, None if request.param == "signed" else 9) as (opened, _):
        yield opened


def test_thirty_files_are_dropped(store: AssetStore, page: Any, serve: Callable[..., str]) -> None:
    """All files that are dropped on a page arrive under its prefix, whichever way the store takes them."""
    from playwright.sync_api import expect

    page.goto(f"{serve(store)}/browse?prefix=maps/")
    names = [f"tile {number}.bin" for number in range(30)]
    page.evaluate(DROP, [names, 1000])
    expect(page.locator("#upload-status")).to_have_text("30 of 30 files uploaded, 30 kB in all")
    assert sorted(f"maps/{name}" for name in names) == [info.key for info in store.list("maps/")]


def test_what_the_policy_refuses_is_named_with_the_reason(page: Any, serve: Callable[..., str]) -> None:
    """A file that is too large is refused before it is sent, and its line says why; the others go on."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        page.goto(serve(store, uploads=UploadPolicy(max_size=2000)))
        page.evaluate(DROP, [["large.bin"], 3000])
        page.evaluate(DROP, [["small.bin"], 1000])
        expect(page.locator("#upload-list li", has_text="large.bin")).to_contain_text("at most 2,000 bytes, got 3,000")
        expect(page.locator("#upload-status")).to_have_text("1 of 1 files uploaded, 1 kB in all; 1 refused")
        assert ["small.bin"] == [info.key for info in store.list()]


def test_a_name_that_is_taken_is_asked_about(page: Any, serve: Callable[..., str]) -> None:
    """A file whose name is taken waits for an answer: replace, keep both or skip."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        for name in ("a.bin", "b.bin", "c.bin"):
            store.upload(b"old", key=name)
        page.goto(serve(store))
        page.evaluate(DROP, [["a.bin", "b.bin", "c.bin"], 1000])
        for button in ("Replace: a.bin", "Keep both: b.bin", "Skip: c.bin"):
            page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator("#upload-status")).to_contain_text("2 of 2 files uploaded")
        sizes = {info.key: info.size for info in store.list()}
        assert {"a.bin": 1000, "b (2).bin": 1000, "b.bin": 3, "c.bin": 3} == sizes


def test_a_large_upload_goes_on_after_a_reload(tmp_path: Path, page: Any, serve: Callable[..., str]) -> None:
    """A reload in the middle of 200 MB loses no part that was sent: the file is chosen again and the rest follows."""
    from playwright.sync_api import expect

    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        for number in range(200):
            file.write(bytes([number]) * (1 << 20))
    with signing(tmp_path / "store") as (store, url):
        puts: list[str] = []
        page.on("requestfinished", lambda request: puts.append(request.url) if request.method == "PUT" else None)

        def hold(route: Any) -> None:
            if len(puts) < 4:
                route.continue_()

        page.route(re.compile(re.escape(url)), hold)
        page.goto(serve(store))
        page.set_input_files("#upload-files", large)
        # The gallery's policy forbids what wait_for_function does in the page.
        page.locator("#upload-list progress").evaluate(PAST_A_THIRD)
        page.unroute_all(behavior="ignoreErrors")
        page.reload()
        line = page.locator("#upload-list li")
        expect(line).to_contain_text("choose large.bin again")
        before = len(puts)
        page.set_input_files("#upload-files", large)
        expect(page.locator("#upload-status")).to_contain_text("1 of 1 files uploaded")
        assert 13 - before >= len(puts) - before - 3
        assert before >= 4
        assert large.read_bytes() == store.read("large.bin")


def test_an_upload_goes_on_when_its_visitor_is_back(tmp_path: Path, page: Any, serve: Callable[..., str]) -> None:
    """Whoever is no longer logged in is told so, and what the store has of a large file is not sent twice after it."""
    from playwright.sync_api import expect

    from assetstore_gallery import Visitor
    from assetstore_gallery.rights import EVERYTHING

    large, is_in = tmp_path / "large.bin", [True]
    large.write_bytes(bytes(range(256)) * (40 << 12))
    with signing(tmp_path / "store") as (store, _):
        puts: list[str] = []
        page.on("requestfinished", lambda request: puts.append(request.url) if request.method == "PUT" else None)
        page.route("**/do/upload/finish", lambda route: is_in.__setitem__(0, False) or route.continue_())
        page.goto(serve(store, login=lambda request: Visitor(rights=EVERYTHING) if is_in[0] else None))
        page.set_input_files("#upload-files", large)
        line = page.locator("#upload-list li")
        expect(line).to_contain_text("you are not logged in")
        line.get_by_role("button", name="Try again").click()
        expect(line).to_contain_text("you are not logged in")
        is_in[0] = True
        page.unroute_all()
        page.reload()
        expect(line).to_contain_text("choose large.bin again")
        expect(page.locator("#upload-status")).to_be_empty()
        is_in[0] = False
        page.set_input_files("#upload-files", large)
        expect(line).to_contain_text("you are not logged in")
        is_in[0] = True
        line.get_by_role("button", name="Try again").click()
        expect(page.locator("#upload-status")).to_contain_text("1 of 1 files uploaded")
        assert (3, large.read_bytes()) == (len(puts), store.read("large.bin"))


def test_everything_is_done_by_keyboard(page: Any, serve: Callable[..., str]) -> None:
    """Assets are chosen, renamed, moved, edited and deleted without a mouse; deleting names what goes and asks."""
    from playwright.sync_api import expect

    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for name in ("a.txt", "b.txt", "c.txt"):
            store.upload(b"text", key=name)
        page.goto(serve(store))
        status = page.locator("#doing-status")
        page.get_by_role("checkbox", name="Choose a.txt").focus()
        page.keyboard.press("F2")
        page.keyboard.press("Control+A")
        page.keyboard.type("z.txt")
        page.keyboard.press("Enter")
        expect(status).to_have_text("renamed to z.txt")
        page.get_by_role("checkbox", name="Choose b.txt").focus()
        page.keyboard.press("e")
        expect(page.get_by_label("Media type")).to_have_value("text/plain")
        page.keyboard.press("Tab")
        page.keyboard.type("no-store")
        page.keyboard.press("Enter")
        expect(status).to_have_text("b.txt is changed")
        page.get_by_role("checkbox", name="Choose b.txt").focus()
        page.keyboard.press("x")
        page.keyboard.press("m")
        page.keyboard.type("maps")
        page.keyboard.press("Enter")
        expect(status).to_have_text("1 moved")
        page.get_by_role("checkbox", name="Choose c.txt").focus()
        page.keyboard.press("a")
        expect(status).to_have_text("2 chosen")
        page.keyboard.press("Delete")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("2 assets, 8 bytes:")
        expect(dialog).to_contain_text("They go to the trash")
        assert ["c.txt", "z.txt"] == dialog.get_by_role("listitem").all_text_contents()
        page.keyboard.press("Escape")
        assert store.exists("c.txt")
        page.get_by_role("checkbox", name="Choose c.txt").focus()
        page.keyboard.press("Delete")
        page.get_by_role("button", name="Delete", exact=True).press("Enter")
        expect(status).to_have_text("2 deleted")
        assert [("maps/b.txt", "no-store")] == [(info.key, store.stat(info.key).cache_control) for info in store.list()]
        page.get_by_role("button", name="Undo").press("Enter")
        expect(status).to_have_text("2 restored")
        assert store.exists("c.txt")


def test_only_what_is_chosen_is_chosen(page: Any, serve: Callable[..., str]) -> None:
    """Showing the keys chooses nothing, and whoever comes back finds no box that is checked and does not count."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        for name in ("a.txt", "b.txt"):
            store.upload(b"text", key=name)
        page.goto(serve(store))
        box = page.get_by_role("checkbox", name="Choose b.txt")
        page.get_by_role("link", name="b.txt").focus()
        page.keyboard.press("?")
        expect(page.locator("#doing-keys")).to_be_visible()
        assert not box.is_checked()
        page.keyboard.press("Escape")
        page.locator("#choose-all").check()
        page.get_by_role("link", name="a.txt").click()
        page.go_back()
        page.get_by_role("button", name="Delete…", disabled=True).wait_for()
        assert 0 == page.locator(":checked").count()


def test_no_line_of_metadata_is_lost(page: Any, serve: Callable[..., str]) -> None:
    """A line without a colon is refused with the reason, and a text may have colons of its own."""
    from playwright.sync_api import expect

    with open_store("memory:") as store:
        store.upload(b"text", key="a.txt")
        page.goto(f"{serve(store)}/asset?key=a.txt")
        page.get_by_role("button", name="Edit…").click()
        lines = page.get_by_label("Metadata, a line each")
        lines.fill("from: https://a.example\n\nno colon here")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("'no colon here' must be")
        lines.fill("from: https://a.example\n\n")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#doing-status")).to_have_text("a.txt is changed")
        assert {"from": "https://a.example"} == dict(store.stat("a.txt").metadata or {})


def test_what_needs_javascript_is_not_shown_without_it(chromium: Any, serve: Callable[..., str]) -> None:
    """A browser without it has no buttons that do nothing, on any page."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key in ("a.txt", "b.txt"):
            store.upload(b"text", key=key)
        store.delete("b.txt")
        address = serve(store)
        with chromium.new_context(java_script_enabled=False) as context:
            page = context.new_page()
            for path, buttons in (("browse", ["Search"]), ("asset?key=a.txt", []), ("trash", [])):
                page.goto(f"{address}/{path}")
                assert buttons == page.locator("button:visible").all_text_contents()
                assert 0 == page.locator("[type=file]:visible, [type=checkbox]:visible").count()


def test_a_visitor_who_may_only_look_sees_no_controls(page: Any, serve: Callable[..., str]) -> None:
    """Without rights a page has no controls and loads no script for them."""
    with open_store("memory:") as store:
        store.upload(b"a", key="a.txt")
        page.goto(serve(store, read_only=True))
        assert 0 == page.locator("#doing, main input, button[data-dialog], script[src*=actions]").count()


def test_the_picker_tells_an_allowed_page_alone_what_was_chosen(page: Any, serve: Callable[..., str]) -> None:
    """The example page, of another origin, gets key, link, type and size; an origin that is not allowed gets no picker."""
    from playwright.sync_api import expect
    from starlette.staticfiles import StaticFiles

    with open_store("memory:") as store:
        store.upload(b"<svg xmlns='http://www.w3.org/2000/svg'/>", key="maps/dungeon.svg")
        store.upload(b"text", key="note.txt")
        application = serve(StaticFiles(directory=EXAMPLE, html=True))
        gallery = serve(store, frame_ancestors=(application,))
        page.goto(f"{application}/?gallery={gallery}")
        with page.expect_popup() as popup:
            page.get_by_role("button", name="Choose a picture").click()
        picker = popup.value
        assert 0 == picker.get_by_text("note.txt").count()
        picker.get_by_role("link", name="maps/").click()
        picker.get_by_role("button", name="dungeon.svg").click()
        expect(page.locator("#chosen")).to_contain_text("maps/dungeon.svg, image/svg+xml, 41 bytes: ")
        assert 403 == page.request.get(f"{gallery}/picker?origin=https://evil.example").status
