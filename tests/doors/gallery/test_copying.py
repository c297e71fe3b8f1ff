"""What a person copies from a gallery, and what they fetch back from its trash, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assetstore import open_store


def test_links_are_copied_by_keyboard(tmp_path: Path, page: Any, serve: Callable[..., str]) -> None:
    """Each button copies its field and says so; a signed link is made for the time that was chosen, and then copied."""
    from playwright.sync_api import expect

    with open_store({"url": f"file:{tmp_path}", "public_url": "https://files.example/"}) as store:
        store.upload(b"text", "maps/a b.txt")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{serve(store)}/asset?key=maps/a%20b.txt")
        page.get_by_role("button", name="Copy: Markdown").press("Enter")
        expect(page.locator("#copy-status")).to_have_text("Copied: Markdown")
        assert "[a b.txt](https://files.example/maps/a%20b.txt)" == page.evaluate("navigator.clipboard.readText()")
        assert 0 == page.locator("#copy-signed").count()
        page.get_by_label("Signed link for").select_option("15")
        page.get_by_role("button", name="Make a link").press("Enter")
        page.get_by_role("button", name="Copy: Signed link").press("Enter")
        expect(page.locator("#copy-status")).to_have_text("Copied: Signed link")
        assert page.locator("#copy-signed").input_value() == page.evaluate("navigator.clipboard.readText()")


def test_the_trash_gives_back_and_is_emptied_by_keyboard(page: Any, serve: Callable[..., str]) -> None:
    """One deletion comes back; emptying asks before, and can be cancelled."""
    from playwright.sync_api import expect

    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for name in ("a.txt", "b.txt"):
            store.upload(b"text", name)
            store.delete(name)
        page.goto(f"{serve(store)}/browse")
        page.get_by_role("link", name="Trash").press("Enter")
        page.get_by_role("button", name="Restore: a.txt").wait_for()
        page.wait_for_load_state()  # its script has run by then
        page.get_by_role("button", name="Restore: a.txt").press("Enter")
        expect(page.locator("#doing-status")).to_have_text("1 restored")
        assert store.exists("a.txt")
        page.wait_for_load_state()
        page.get_by_role("button", name="Empty the trash…").press("Enter")
        page.get_by_role("button", name="Cancel").press("Enter")
        expect(page.get_by_role("button", name="Restore: b.txt")).to_be_visible()
        page.get_by_role("button", name="Empty the trash…").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Empty the trash").press("Enter")
        expect(page.get_by_text("Nothing is here.")).to_be_visible()
        assert [] == list(store.list(".trash/"))
