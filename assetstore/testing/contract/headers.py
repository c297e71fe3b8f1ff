"""Guarantees about headers and metadata."""

from __future__ import annotations

import gzip
from pathlib import Path

from assetstore.content.content_types import DEFAULT_CONTENT_TYPE
from assetstore.errors import InvalidOptionError, UnsupportedError
from assetstore.store import AssetStore
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.samples import OTHER_SAMPLES, PLAIN, SAMPLES

METADATA = {
    "by": "gm",
    "empty": "",
    "x-dash.dot_under": "a=b; c, d",
    "quote": "\"'\\%2F&<>",
    "inner": "a  b",
    "latin": "Zürich Ærø",
    "wide": "日本語 и кириллица",
    "emoji": "🎲👨‍👩‍👧",
    "encoded": "=?utf-8?q?caf=C3=A9?=",
}


class HeaderGuarantees(Fixtures):
    """What is stored beside the bytes.

    HTTP headers, and metadata: lower-case ASCII names with values in any script, 8,192 bytes in all.
    """

    def test_headers_round_trip(self, store: AssetStore, able: Able) -> None:
        """Each HTTP header given with an upload is stored, alone and with the others."""
        asked = {name: value for name, value in SAMPLES.items() if able(f"upload.{name}")}
        store.upload(b"x", "all", **asked)
        assert asked == {name: getattr(store.stat("all"), name) for name in asked}
        for name, value in asked.items():
            store.upload(b"x", "one", **{name: value})
            assert value == getattr(store.stat("one"), name)

    def test_headers_that_were_not_given_are_none(self, store: AssetStore) -> None:
        """A header that nobody set is ``None``, and metadata is empty or ``None``."""
        store.upload(b"x", "a")
        info = store.stat("a")
        assert [] == [name for name in SAMPLES.keys() - {"content_type"} if getattr(info, name) is not None]
        assert not info.metadata

    def test_metadata_round_trips_in_any_script(self, store: AssetStore, able: Able) -> None:
        """Metadata come back as the same text, whatever its characters, and names in lower case."""
        if not able("upload.metadata"):
            return
        store.upload(b"x", "a", metadata=METADATA | {"UPPER": "Value"})
        assert METADATA | {"upper": "Value"} == dict(store.stat("a").metadata or {})

    def test_spaces_around_metadata_are_kept(self, store: AssetStore, able: Able) -> None:
        """Leading and trailing spaces of a value belong to it."""
        if not able("upload.metadata"):
            return
        spaced = {"before": "  a", "after": "a  ", "only": "   "}
        store.upload(b"x", "a", metadata=spaced)
        assert spaced == dict(store.stat("a").metadata or {})

    def test_metadata_have_up_to_8192_bytes(self, store: AssetStore, able: Able, spy: FaultyBackend) -> None:
        """8,192 bytes of names and values are stored; one more is refused before anything is sent."""
        if not able("upload.metadata"):
            return
        fitting = {f"name{number}": "v" * 1019 for number in range(8)}
        store.upload(b"x", "a", metadata=fitting)
        assert fitting == dict(store.stat("a").metadata or {})
        calls = len(spy.calls)
        _refuses(store, fitting | {"n": ""})
        _refuses(store, {"a": "line\nbreak"})
        _refuses(store, {"bad name": "x"})
        _refuses(store, {"assetstore-x": "ours"})
        assert calls == len(spy.calls)

    def test_the_content_type_is_guessed_from_the_name(self, store: AssetStore, able: Able) -> None:
        """Without a content type the key's suffix tells, and a reader is told the same as stat."""
        if not able("upload.content_type"):
            return
        kinds = {"a.webp": "image/webp", "b.flac": "audio/flac", "c.glb": "model/gltf-binary", "d": DEFAULT_CONTENT_TYPE}
        for key, kind in kinds.items():
            store.upload(b"x", key)
            with store.open(key) as reader:
                assert kind == reader.info.content_type == store.stat(key).content_type

    def test_reads_uploads_and_downloads_tell_what_stat_tells(self, store: AssetStore, able: Able, tmp_path: Path) -> None:
        """A reader knows all headers and metadata; an upload and a download know them too or tell ``None``, nothing else."""
        asked = {name: value for name, value in PLAIN.items() if able(f"upload.{name}")}
        if able("upload.metadata"):
            asked["metadata"] = METADATA
        uploaded, found = store.upload(b"x", "a", **asked), store.stat("a")
        with store.open("a") as reader:
            assert [getattr(found, name) for name in asked] == [getattr(reader.info, name) for name in asked]
        for info in (uploaded, reader.info, store.download("a", tmp_path / "a")):
            for name in ("key", "size", "etag", "digest", *asked):
                assert getattr(info, name) in (getattr(found, name), None)

    def test_what_loaders_unpack_is_told_by_its_name(self, store: AssetStore, able: Able) -> None:
        """``map.svgz`` becomes a drawing with Content-Encoding ``gzip``, if its bytes are; ``a.csv.gz`` is an archive."""
        packed = gzip.compress(b"<svg/>", mtime=0)
        if able("upload.content_type") and able("upload.content_encoding"):
            for key, data, expected in (
                ("map.svgz", packed, ("image/svg+xml", "gzip")),
                ("Build/game.js.gz", packed, ("text/javascript", "gzip")),
                ("Build/game.wasm.br", b"\x0b\x02\x80asm\x03", ("application/wasm", "br")),
                ("plain.svgz", b"<svg/>", ("image/svg+xml", None)),
                ("a.csv.gz", packed, ("application/gzip", None)),
            ):
                store.upload(data, key)
                found = store.stat(key)
                assert expected == (found.content_type, found.content_encoding or None)
            store.upload(packed, "own.svgz", content_type="application/gzip")
            assert not store.stat("own.svgz").content_encoding

    def test_packed_bytes_are_read_as_they_are_stored(self, store: AssetStore, able: Able, tmp_path: Path) -> None:
        """With ``content_encoding`` the bytes are stored, read, downloaded and copied as they are: packed, not unpacked."""
        if not able("upload.content_encoding"):
            return
        packed = gzip.compress(b"the party enters the keep\n" * 100, mtime=0)
        store.upload(packed, "a", content_encoding="gzip")
        copied = store.copy("a", "b")
        assert (len(packed), "gzip") == (copied.size, store.stat("b").content_encoding)
        for key in ("a", "b"):
            assert packed == store.read(key)
            assert packed[3:13] == store.read(key, offset=3, length=10)
            assert packed[20:] == store.read(key, offset=20)
        store.download("a", tmp_path / "a")
        assert packed == (tmp_path / "a").read_bytes()

    def test_update_replaces_what_it_names_and_keeps_the_rest(self, store: AssetStore, able: Able) -> None:
        """update() changes the headers or metadata given, one or all, and keeps the others and the bytes."""
        asked = {name: value for name, value in SAMPLES.items() if able(f"update.{name}")}
        others = {name: value for name, value in OTHER_SAMPLES.items() if name in asked}
        kept = {"kept": "ü"} if able("upload.metadata") else {}
        store.upload(b"bytes", "a", metadata=kept or None, **asked)
        for name in asked:
            store.update("a", **{name: others[name]})
            asked[name] = others[name]
            found = store.stat("a")
            assert (asked, kept) == ({header: getattr(found, header) for header in asked}, dict(found.metadata or {}))
        if able("update.metadata"):
            store.update("a", metadata={"by": "é"})
            assert {"by": "é"} == dict(store.stat("a").metadata or {})
            store.update("a", metadata={"other": "1"})
            assert {"other": "1"} == dict(store.stat("a").metadata or {})
        assert asked == {header: getattr(store.stat("a"), header) for header in asked}
        if "content_encoding" in asked:
            store.update("a", content_encoding="")
        assert b"bytes" == store.read("a")

    def test_update_clears_with_empty_values(self, store: AssetStore, able: Able) -> None:
        """``""`` removes a header and ``{}`` all metadata; ``None`` keeps them."""
        if not able("update.cache_control") or not able("update.metadata"):
            return
        store.upload(b"x", "a", cache_control="no-store", metadata={"by": "gm"})
        store.update("a", cache_control="")
        info = store.stat("a")
        assert (None, {"by": "gm"}) == (info.cache_control, dict(info.metadata or {}))
        store.update("a", metadata={})
        assert not store.stat("a").metadata

    def test_update_tells_what_is_stored(self, store: AssetStore, able: Able) -> None:
        """The result of update() has the size and the ETag that stat finds."""
        if not able("update.content_type"):
            return
        store.upload(b"abc", "a")
        info, found = store.update("a", content_type="image/png"), store.stat("a")
        assert ("a", 3, found.etag) == (info.key, info.size, info.etag)


def _refuses(store: AssetStore, metadata: dict[str, str]) -> None:
    try:
        store.upload(b"x", "a", metadata=metadata)
    except (InvalidOptionError, UnsupportedError):
        return
    raise AssertionError(f"metadata {metadata!r} were taken")
