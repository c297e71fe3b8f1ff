"""The style and the scripts of the pages, under an address of their own for each version of them."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
_FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
VERSION = hashlib.sha256(b"".join(path.read_bytes() for path in _FILES)).hexdigest()[:12]
"""Changes with any of the files, so that a browser may keep what it got under it for ever."""


class PageFiles(StaticFiles):
    """Serves the files of ``FOLDER`` with ETags: under ``VERSION/`` to be kept, else to be asked about each time."""

    def __init__(self) -> None:
        """Serve ``FOLDER``."""
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or 304 for one that the browser has."""
        parts = PurePath(path).parts
        is_kept = parts[:1] == (VERSION,)
        answer = await super().get_response(str(PurePath(*parts[1:])) if is_kept else path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if is_kept else "no-cache"
        return answer
