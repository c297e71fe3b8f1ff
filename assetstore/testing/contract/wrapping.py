"""Guarantees about wrappers that stand between the store and its backend."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

from assetstore.content.source import Source
from assetstore.errors import UnsupportedError
from assetstore.hooks import OPTIONAL, hookimpl
from assetstore.options import ReadOptions, UploadOptions
from assetstore.results import AssetInfo, AssetStream
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Fixtures, Wrappers
from assetstore.testing.faulty import FaultyBackend
from assetstore.wrapper import Wrapper

_FLIPPED = bytes(255 - byte for byte in range(256))
_PLAIN = b"the bytes that must not stand in the backend"


class Disguise(Wrapper):
    """Flips every bit on the way down and up, and passes nothing."""

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write the flipped bytes."""
        flipped = Source(b"".join(source.chunks()).translate(_FLIPPED))
        return self.inner.assetstore_upload(key=key, source=flipped, options=options)

    @hookimpl
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Give the bytes as they were; a digest of the flipped ones would not fit them."""
        stream = self.inner.assetstore_read(key=key, options=options)
        assert stream is not None
        with_body = io.BytesIO(stream.body.read(-1).translate(_FLIPPED))
        stream.body.close()
        return attrs.evolve(stream, info=attrs.evolve(stream.info, digest=None), body=with_body)


class Passing(Wrapper):
    """Changes nothing and passes everything."""

    passes: ClassVar[frozenset[str]] = frozenset(OPTIONAL)


class WrapperGuarantees(Fixtures):
    """What stands between the store and its backend sees everything that it does not pass on by name.

    So no native copy, download or signed URL can slip past a wrapper that encrypts, checks or refuses.
    """

    def test_nothing_slips_past_a_wrapper_that_does_not_pass_it(
        self, spy: FaultyBackend, prefix: str, tmp_path: Path
    ) -> None:
        """Copies, moves, downloads and local files go through the wrapper's upload and read, never the backend's."""
        store = wrapped(Disguise, spy, self.wrappers).scoped(prefix)
        store.upload(_PLAIN, "a")
        assert _PLAIN == store.read("a")
        store.download("a", tmp_path / "a")
        assert _PLAIN == (tmp_path / "a").read_bytes()
        with store.as_local("a") as path:
            assert _PLAIN == path.read_bytes()
        store.copy("a", "b")
        store.move("b", "c")
        bare = self.stack(spy).scoped(prefix)
        assert [("a", _PLAIN), ("c", _PLAIN)] == [(item.key, store.read(item.key)) for item in store.list()]
        assert [_PLAIN.translate(_FLIPPED)] * 2 == [bare.read(key) for key in ("a", "c")]
        assert not {op for op, _ in spy.calls} & {"copy", "download", "path"}
        store.delete_many(["a", "c"])

    def test_what_cannot_be_done_through_a_wrapper_is_refused(self, spy: FaultyBackend, prefix: str) -> None:
        """Signed requests, URLs and paths that a wrapper does not pass are UnsupportedError; the backend is not asked."""
        store = wrapped(Disguise, spy, self.wrappers).scoped(prefix)
        assert [False, False, False] == [store.can("presign"), store.can("url"), store.can("path")]
        with pytest.raises(UnsupportedError):
            store.presign("a")
        with pytest.raises(UnsupportedError):
            store.url("a")
        with pytest.raises(UnsupportedError):
            store.path("a")
        assert () == store.check().steps
        assert [] == spy.calls

    def test_an_option_that_a_wrapper_does_not_claim_is_refused(self, spy: FaultyBackend, prefix: str) -> None:
        """What a wrapper's own hook does not honour is UnsupportedError, whatever the backend could do."""
        store = wrapped(Disguise, spy, self.wrappers).scoped(prefix)
        with pytest.raises(UnsupportedError):
            store.upload(b"", "a", metadata={"by": "gm"})
        with pytest.raises(UnsupportedError):
            store.upload(b"", "a", overwrite=False)
        with pytest.raises(UnsupportedError):
            store.read("a", offset=1)
        assert [] == spy.calls

    def test_a_wrapper_that_passes_everything_is_as_none(self, spy: FaultyBackend, prefix: str) -> None:
        """Through a wrapper that changes nothing a store can do what it can without, by the same calls."""
        without, store = self.stack(spy).scoped(prefix), wrapped(Passing, spy, self.wrappers).scoped(prefix)
        capabilities = {*OPTIONAL, *getattr(spy, "supports", ())}
        assert {name: without.can(name) for name in capabilities} == {name: store.can(name) for name in capabilities}
        made = []
        for opened in (without, store):
            spy.calls.clear()
            opened.upload(b"abc", "a")
            opened.copy("a", "b")
            assert (b"abc", b"abc") == (opened.read("a"), opened.read("b"))
            opened.delete_many(["a", "b"])
            made.append(sorted(op for op, _ in spy.calls))  # a layer may do several things at once
        assert made[0] == made[1]


def wrapped(wrapper: type[Wrapper], backend: object, others: Wrappers) -> AssetStore:
    """Return a store over a backend behind this wrapper and the others."""
    return AssetStore(("backend", backend), wrappers=[wrapper, *others], name="contract")
