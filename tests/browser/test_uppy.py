"""The page docs/direct-upload/uppy.html in Chromium, with Uppy's own files from npm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import browsing

HTML = b"<!doctype html><title>not a picture</title>"


@pytest.fixture(params=browsing.UPPY_VERSIONS)
def uppy_page(request: pytest.FixtureRequest, page: Any, place: Any) -> Any:
    """Open the page with each version of Uppy."""
    page.goto(f"{place.site}/uppy-{request.param}/uppy.html")
    page.locator(".uppy-Dashboard-AddFiles").wait_for()
    return page


def test_uppy_uploads_and_the_page_shows_the_picture(
    place: Any, uppy_page: Any, choose: Callable[..., None], picture: bytes
) -> None:
    """Uppy sends what the server signed, and the picture is shown by its signed URL."""
    choose("keep.png", "image/png", picture)
    uppy_page.locator(".uppy-StatusBar-actionBtn--upload").click()
    uppy_page.wait_for_function("document.querySelector('#done img')?.naturalWidth > 0")
    assert [picture] == [place.store.read(info.key) for info in place.store.list()]


def test_uppy_tells_what_finish_refused(place: Any, uppy_page: Any, choose: Callable[..., None]) -> None:
    """A web page that calls itself a picture ends as a failed upload, and nothing is stored."""
    choose("keep.png", "image/png", HTML)
    uppy_page.locator(".uppy-StatusBar-actionBtn--upload").click()
    uppy_page.get_by_text("Upload failed").wait_for()
    assert 0 < uppy_page.locator(".uppy-Informer [aria-label*='image/png']").count()
    assert [] == list(place.store.list())
