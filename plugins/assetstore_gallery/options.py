"""The options of a gallery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
from starlette.requests import Request

from assetstore import InvalidOptionError, UploadPolicy
from assetstore_gallery.rights import EVERYTHING, Visitor
from assetstore_gallery.words import LANGUAGES

MOST_PATIENCE = 600
"""Seconds that a page waits at most."""


def _check_patience(_: object, option: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= MOST_PATIENCE:
        raise InvalidOptionError(f"{option.name} must be between 0 and {MOST_PATIENCE} seconds, got {value!r}")


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
        patience: seconds that a page waits for the names or the count of what is in the store, which are gathered behind it;
            those of a small store are there by then. Otherwise the page shows what is known so far.
        facts_patience: seconds that a page waits for what an asset holds; what takes longer is on the page when it is opened
            again.
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
    patience: float = attrs.field(default=0.3, validator=_check_patience)
    facts_patience: float = attrs.field(default=2.0, validator=_check_patience)

    @language.validator
    def _check_language(self, _: object, value: str | None) -> None:
        if value is not None and value not in LANGUAGES:
            raise InvalidOptionError(f"language must be one of {', '.join(LANGUAGES)}, got {value!r}")


def frame_policy(options: GalleryOptions) -> str:
    """Return the part of a policy for what the pages show in a frame: they may, and those that may show them in one."""
    return " ".join(("frame-ancestors", "'self'", *options.frame_ancestors))
