"""The folder of thumbnails: one file for each version of a picture, whatever its keys, up to a number of bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

import attrs

from assetstore import AssetInfo

MAX_BYTES = 256 << 20
FRESH_FAILURE = 600
"""Seconds after which a thumbnail that could not be made is tried once more."""
SUFFIX = ".thumbnail"
_RECIPE = "1"
"""Changes with what thumbnails look like."""
_DIGEST_BYTES = 32


def name_of(info: AssetInfo, store: str, side: int) -> str:
    """Return the name of a thumbnail: the same for the same bytes in any store, where the store vouches for a digest.

    An MD5 does not do: two pictures may be made that have the same.
    """
    is_sure = info.digest is not None and info.digest.startswith("sha256:")
    version = (info.digest,) if is_sure else (store, info.key, info.etag, info.size, info.last_modified)
    return hashlib.sha256(repr((_RECIPE, side, *version)).encode()).hexdigest()


@attrs.define(eq=False)
class ThumbnailFolder:
    """A folder that several programs may use at once. If it fails, thumbnails are made anew.

    Attributes:
        path: where it is.
        max_bytes: above which the files that were not used for longest go.
    """

    path: Path
    max_bytes: int = MAX_BYTES
    # The first file that is written makes it look how much there is.
    _added: int = attrs.field(init=False, default=1 << 62)

    @classmethod
    def of_user(cls) -> ThumbnailFolder:
        """Return the folder in the user's cache."""
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return cls(Path(cache, "assetstore", "thumbnails"))

    def get(self, name: str) -> bytes | None:
        """Return a thumbnail, nothing if it could not be made lately, or ``None`` if it is to be made."""
        path = self._path(name)
        try:
            digest, data = (text := path.read_bytes())[:_DIGEST_BYTES], text[_DIGEST_BYTES:]
            is_old = not data and time.time() - path.stat().st_mtime > FRESH_FAILURE
            if is_old or hashlib.sha256(data).digest() != digest:
                return None
            if data:
                os.utime(path)
        except OSError:
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep a thumbnail, or with no bytes that there is none."""
        text = hashlib.sha256(data).digest() + data
        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self.path, suffix=SUFFIX, delete=False) as file:
                try:
                    file.write(text)
                    file.close()
                    os.replace(file.name, self._path(name))
                except BaseException:
                    os.unlink(file.name)
                    raise
            self._make_room(len(text))

    def _make_room(self, added: int) -> None:
        """Remove files until the folder has a hundredth less than it may, once for each hundredth that was added."""
        slack = self.max_bytes // 100
        self._added += added
        if self._added <= slack:
            return
        self._added = 0
        found = []
        for path in self.path.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another program may have removed it meanwhile
                found.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        surplus = sum(size for _, size, _ in found) - (self.max_bytes - slack)
        for _, size, path in sorted(found):
            if surplus <= 0:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            surplus -= size

    def _path(self, name: str) -> Path:
        return self.path / f"{name}{SUFFIX}"
