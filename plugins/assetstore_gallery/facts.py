"""Finds out what an asset holds: pixels, seconds, titles. It never fails; what cannot be read is unknown."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import attrs

from assetstore import AssetInfo, AssetStore, AssetStoreError
from assetstore_gallery import archive, films, model, pixels, sounds, specimen, waveform
from assetstore_gallery.bounded import MOST_BYTES, Bounded, opened
from assetstore_gallery.documents import TYPE, Documents
from assetstore_gallery.kinds import essence_of, kind_of, type_of

KEPT = 1000
"""Assets whose facts are kept."""
_THREADS, _AT_ONCE = 2, 4
_WAV = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
_log = logging.getLogger(__name__)

T = TypeVar("T")
Parser = Callable[[Bounded], dict[str, Any]]


@attrs.frozen(eq=False)
class Facts:
    """Finds and keeps the facts of a store's assets, a few at a time, behind the pages.

    Attributes:
        store: where the assets are.
        patience: seconds that a page waits for the facts.
    """

    store: AssetStore
    patience: float
    _kept: OrderedDict[tuple[object, ...], Future[dict[str, Any]]] = attrs.field(factory=OrderedDict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _documents: Documents = attrs.field(factory=Documents, init=False)
    _turns: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(_AT_ONCE), init=False)
    _pool: ThreadPoolExecutor = attrs.field(
        factory=lambda: ThreadPoolExecutor(_THREADS, "assetstore-gallery-facts"), init=False
    )

    def of(self, info: AssetInfo) -> dict[str, Any]:
        """Return what is known of an asset; the names and units are those of the JSON of its page."""
        if not info.size or info.content_encoding or not self._parsers_of(info):
            return {}
        version = (type_of(info), info.digest) if info.digest else (type_of(info), info.key, info.etag, info.last_modified)
        with self._lock:
            found = self._kept.get(version)
            if found is None:
                found = self._kept[version] = self._pool.submit(self._found, info)
            self._kept.move_to_end(version)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        try:
            return found.result(self.patience)
        except TimeoutError:
            return {}
        except AssetStoreError:
            # It may answer the next time.
            with self._lock:
                self._kept.pop(version, None)
            return {}

    def read(self, info: AssetInfo, parse: Callable[[Bounded], T], most: int = MOST_BYTES) -> T | None:
        """Return what a parser makes of an asset, ``None`` where it fails.

        Raises:
            AssetStoreError: the store failed.
        """
        try:
            with self._turns, opened(self.store, info, most) as file:
                return parse(file)
        except AssetStoreError:
            raise
        except Exception as error:
            # Whatever is wrong with the bytes: parsers fail in many ways.
            _log.debug("the gallery cannot read %s: %r", info.key, error)
            return None

    def _found(self, info: AssetInfo) -> dict[str, Any]:
        found = [self.read(info, parse, most) or {} for parse, most in self._parsers_of(info)]
        return {name: value for facts in found for name, value in facts.items()}

    def _parsers_of(self, info: AssetInfo) -> list[tuple[Parser, int]]:
        is_document = essence_of(type_of(info)) == TYPE
        return [(self._documents.facts_of, MOST_BYTES)] if is_document else parsers_of(info)

    def close(self) -> None:
        """End what runs for it."""
        self._documents.close()


def parsers_of(info: AssetInfo) -> list[tuple[Parser, int]]:
    """Return what reads the facts of an asset of this type, each with how many bytes it may read."""
    essence = essence_of(type_of(info))
    kind = kind_of(essence)
    if archive.is_archive(essence):
        return [(archive.facts_of, archive.MAX_BYTES)]
    if essence in specimen.TYPES:
        return [(specimen.facts_of, MOST_BYTES)]
    if essence == model.TYPE:
        return [(model.facts_of, MOST_BYTES)]
    if kind == "images" and essence != "image/svg+xml":
        return [(pixels.size_of, MOST_BYTES)]
    if essence in _WAV and info.size <= waveform.MAX_BYTES:
        return [(sounds.facts_of, MOST_BYTES), (waveform.facts_of, waveform.MAX_BYTES + MOST_BYTES)]
    if kind == "video":
        return [(sounds.facts_of, MOST_BYTES), (films.facts_of, MOST_BYTES)]
    return [(sounds.facts_of, MOST_BYTES)] if kind == "audio" else []
