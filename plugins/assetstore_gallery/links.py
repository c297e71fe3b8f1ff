"""The links to an asset that people copy: public, as Markdown, and signed for a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assetstore_gallery.gallery import Gallery

LINK_MINUTES = (15, 60, 24 * 60, 7 * 24 * 60)
"""How long a signed link may be made to work."""
_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_[]<>&~|!"})
_BRACKETS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", " ": "%20"})


def links(gallery: Gallery, key: str, minutes: str, *, is_picture: bool) -> dict[str, Any]:
    """Return the links to an asset, ``None`` for those that the store has not.

    A signed link is a secret: it is made only when it is asked for. Asking for it is reading, so a form without JavaScript
    may; no other site can read the answer, and nothing keeps it.

    Args:
        gallery: where it is shown.
        key: the asset.
        minutes: how long the signed link shall work, one of ``LINK_MINUTES``; for anything else none is made.
        is_picture: whether Markdown shall show it.
    """
    store = gallery.store
    public = store.url(key) if store.can("url") else None
    choices = list(LINK_MINUTES) if store.can("presign") else []
    wanted = next((each for each in choices if str(each) == minutes), None)
    return {
        "public": public,
        "markdown": markdown(key.rpartition("/")[2], public, is_picture=is_picture) if public else None,
        "minutes": choices,
        "chosen": wanted,
        "signed": store.presign(key, expires=timedelta(minutes=wanted)).url if wanted else None,
    }


def markdown(name: str, url: str, *, is_picture: bool) -> str:
    """Return a link in CommonMark, or a picture; nothing in the name becomes markup."""
    return f"{'!' if is_picture else ''}[{name.translate(_MARKUP)}]({url.translate(_BRACKETS)})"
