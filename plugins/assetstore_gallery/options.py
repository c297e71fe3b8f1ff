"""The options of a gallery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from starlette.requests import Request

from assetstore import InvalidOptionError, UploadPolicy
from assetstore_gallery.rights import EVERYTHING, Visitor
from assetstore_gallery.words import LANGUAGES


@attrs.frozen(kw_only=True)
class GalleryOptions:
    """How a gallery looks and whom it lets do what.

    Attributes:
        title: the name on its pages; the store's name by default.
        login: returns who sends a request, or ``None``, who is refused. By default all may do everything, so the
            application around the gallery must let in only those who may. A function runs in a thread; a coroutine
            function is awaited.
        login_hint: tells whom ``login`` refuses what to do.
        login_url: the path or URL to which browsers are sent whom ``login`` refuses; by default they get a page with 401.
        hosts: the names that the header Host may have; by default any, so the server around the gallery must look at it.
        read_only: take all rights away, whatever ``login`` says.
        language: ``"en"``, ``"de"`` or ``"fr"``; by default what the browser asks for.
        frame_ancestors: origins whose pages may show the gallery or its picker in a frame.
        page_size: assets on one page.
        uploads: the types and sizes that may be uploaded.
    """

    title: str = ""
    login: Callable[[Request], Visitor | Awaitable[Visitor | None] | None] = lambda request: Visitor(rights=EVERYTHING)
    login_hint: str = "log in where the gallery is shown, then reload this page"
    login_url: str = ""
    hosts: tuple[str, ...] = ()
    read_only: bool = False
    language: str | None = attrs.field(default=None)
    frame_ancestors: tuple[str, ...] = ()
    page_size: int = 100
    uploads: UploadPolicy = attrs.field(factory=UploadPolicy)

    @language.validator
    def _check_language(self, _: object, value: str | None) -> None:
        if value is not None and value not in LANGUAGES:
            raise InvalidOptionError(f"language must be one of {', '.join(LANGUAGES)}, got {value!r}")


def frame_policy(options: GalleryOptions) -> str:
    """Return the part of a policy for what the pages show in a frame: they may, and those that may show them in one."""
    return " ".join(("frame-ancestors", "'self'", *options.frame_ancestors))
