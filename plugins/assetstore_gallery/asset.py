"""The page of one asset, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from assetstore import AssetInfo, AssetReader
from assetstore.plugin import HEADERS
from assetstore_gallery.bounded import version_of
from assetstore_gallery.browse import above, described
from assetstore_gallery.gallery import Gallery
from assetstore_gallery.kinds import PICTURES, essence_of, is_picture, type_of
from assetstore_gallery.links import links
from assetstore_gallery.options import frame_policy
from assetstore_gallery.pictures import look_of
from assetstore_gallery.previews import TEXT_BYTES, is_text, preview

PIECE = 1 << 18
MAX_DIGITS = 19
"""The longest number of a range: no asset has more bytes, and Python refuses to read numbers of thousands of digits."""
_INERT = PICTURES | {"application/pdf", "text/plain"}
"""What a browser shows without running anything; beside them sound and film."""


def routes(gallery: Gallery) -> list[BaseRoute]:
    """Return the routes of the pages of assets."""

    def asset(request: Request) -> Response:
        key = request.query_params.get("key", "")
        info = gallery.store.stat(key)
        headers = [name for name in HEADERS if name not in ("content_type", "metadata")]
        name = key.rpartition("/")[2]
        facts: dict[str, Any] = {
            **described(info),
            "name": name,
            "prefix": key.removesuffix(name),
            "above": above(key),
            "digest": info.digest,
            "headers": {name.replace("_", "-"): value for name in headers if (value := getattr(info, name)) is not None},
            "metadata": dict(info.metadata or {}),
            **links(gallery, key, request.query_params.get("minutes", ""), is_picture=is_picture(type_of(info))),
            **look_of(info),
            **_text(gallery, info),
            "facts": gallery.facts.of(info),
        }
        return gallery.page(request, "asset.html", facts)

    def file(request: Request) -> Response:
        return _file(gallery, request.query_params.get("key", ""), request)

    return [Route("/asset", asset), Route("/asset.json", asset), Route("/file", file)]


def sandbox(gallery: Gallery) -> str:
    """Return the policy of what a store holds: nothing of it runs, and only the pages show it."""
    return f"sandbox; default-src 'none'; {frame_policy(gallery.options)}"


def _text(gallery: Gallery, info: AssetInfo) -> dict[str, Any]:
    """Return what is shown of a text; what is packed or no text has none."""
    content_type = type_of(info)
    if info.content_encoding or not is_text(content_type):
        return {"text": None, "table": None, "text_is_whole": None}
    data = b""
    if info.size:
        with opened(gallery, info, 0, min(TEXT_BYTES, info.size)) as reader:
            data = reader.read()
    shown = preview(data, content_type, is_whole=info.size <= TEXT_BYTES)
    return {"text": shown.text, "table": shown.table, "text_is_whole": shown.is_whole}


def opened(gallery: Gallery, info: AssetInfo, offset: int, length: int) -> AssetReader:
    """Open bytes of the version that was looked at, where the store can tell versions apart."""
    return gallery.store.open(info.key, offset=offset, length=length, if_match=version_of(gallery.store, info))


def is_shown(content_type: str) -> bool:
    """Return whether a browser may show bytes of a type by itself, because it runs nothing of them."""
    essence = essence_of(content_type)
    return essence in _INERT or essence.startswith(("audio/", "video/"))


def _file(gallery: Gallery, key: str, request: Request) -> Response:
    """Return the bytes of an asset, or of one range of it, of one version; nothing in them can run."""
    info = gallery.store.stat(key)
    etag = f'"{info.etag}"'
    content_type = type_of(info)
    way = "inline" if is_shown(content_type) else "attachment"
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": f"{way}; filename*=UTF-8''{quote(key.rpartition('/')[2], safe='')}",
        "content-security-policy": sandbox(gallery),
        "content-type": content_type,
        "etag": etag,
    }
    if info.content_encoding:
        headers["content-encoding"] = info.content_encoding
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    start, end, status = 0, info.size, 200
    is_current = request.headers.get("if-range", etag) == etag
    if is_current and (found := range_of(request.headers.get("range", ""), info.size)) is not None:
        start, end = found
        if start >= info.size:
            return Response(status_code=416, headers={"content-range": f"bytes */{info.size}"})
        status, headers["content-range"] = 206, f"bytes {start}-{end - 1}/{info.size}"
    headers["content-length"] = str(end - start)
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_pieces(gallery, info, start, end - start), status, headers)


def _pieces(gallery: Gallery, info: AssetInfo, offset: int, length: int) -> Iterator[bytes]:
    with opened(gallery, info, offset, length) as reader:
        while piece := reader.read(PIECE):
            yield piece


def range_of(text: str, size: int) -> tuple[int, int] | None:
    """Return the begin and the end of the one range that a header Range names, ``None`` where it names none or several."""
    unit, _, span = text.partition("=")
    first, dash, last = span.strip().partition("-")
    digits = f"{first}{last}"
    if unit.strip().lower() != "bytes" or not dash or not digits.isascii() or not digits.isdecimal():
        return None
    if max(len(first), len(last)) > MAX_DIGITS:
        return None
    if not first:
        return max(0, size - int(last)) if int(last) else size, size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size
