"""Guarantees about the plugin itself: its hooks, what it declares, what it reports."""

from __future__ import annotations

import inspect
import typing
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from assetstore.errors import UnsupportedError
from assetstore.hookspecs import OPTIONAL, REQUIRED, Hooks
from assetstore.models import PresignedRequest
from assetstore.relay import OPTION_FIELDS
from assetstore.store import AssetStore
from assetstore.testing.contract import summary
from assetstore.testing.contract.fixtures import Able, Fixtures
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver


class PluginGuarantees(Fixtures):
    """What the store and the command line rely on beside the bytes."""

    def test_each_hook_has_the_parameters_and_types_of_its_spec(self, backend: object) -> None:
        """Parameters are named and annotated as in ``Hooks``; a result may be narrower by ``None``; missing hints pass."""
        for op in (*REQUIRED, *OPTIONAL):
            hook = getattr(backend, f"assetstore_{op}", None)
            if hook is None:
                continue
            spec = getattr(Hooks, f"assetstore_{op}")
            assert list(inspect.signature(spec).parameters)[1:] == list(inspect.signature(hook).parameters)
            expected, given = typing.get_type_hints(spec), typing.get_type_hints(hook)
            for name, hint in given.items():
                assert hint in (expected[name], *typing.get_args(expected[name])), f"{name} of assetstore_{op}"

    def test_supports_names_only_what_exists(self, backend: object) -> None:
        """Each entry of ``supports`` is an option field, of an operation that the backend implements."""
        supports: frozenset[str] = getattr(backend, "supports", frozenset())
        assert isinstance(supports, frozenset)
        assert set() == supports - OPTION_FIELDS
        assert set() == {field for field in supports if not hasattr(backend, f"assetstore_{field.partition('.')[0]}")}

    def test_what_is_not_supported_is_refused(self, store: AssetStore, spy: FaultyBackend, tmp_path: Path) -> None:
        """An option that the backend does not honour is UnsupportedError, and the backend hears nothing of it."""
        for capability, operation in _using(store, tmp_path).items():
            if not store.can(capability):
                with pytest.raises(UnsupportedError):
                    operation()
        assert [] == spy.calls

    def test_location_is_a_few_words_for_people(self, store: AssetStore) -> None:
        """``location`` is one line, and part of the store's repr."""
        assert store.location
        assert "\n" not in store.location
        assert store.location in repr(store)

    def test_check_finds_a_working_place_and_changes_nothing(self, store: AssetStore) -> None:
        """Every step of a check of this place is good, and nothing was written."""
        assert [] == [step for step in store.check().steps if not step.ok]
        assert [] == list(store.list())

    def test_each_operation_ends_in_one_event(
        self, store: AssetStore, observer: RecordingObserver, prefix: str, tmp_path: Path
    ) -> None:
        """Each operation is told once, with its key in the backend, the bytes it moved and how it ended."""
        operations: list[tuple[tuple[str, str, int, str], Callable[[], object]]] = [
            (("upload", "a", 3, "ok"), lambda: store.upload(b"abc", "a")),
            (("read", "a", 3, "ok"), lambda: store.read("a")),
            (("read", "a", 1, "abandoned"), lambda: _read_one(store, "a")),
            (("stat", "a", 0, "ok"), lambda: store.stat("a")),
            (("exists", "b", 0, "ok"), lambda: store.exists("b")),
            (("download", "a", 3, "ok"), lambda: store.download("a", tmp_path / "a")),
            (("list", "", 0, "ok"), lambda: list(store.list())),
            (("copy", "b", 3, "ok"), lambda: store.copy("a", "b")),
            (("move", "c", 3, "ok"), lambda: store.move("b", "c")),
            (("update", "c", 3, "ok"), lambda: store.update("c")),
            (("delete", "c", 0, "ok"), lambda: store.delete("c")),
        ]
        for expected, operation in operations:
            observer.events.clear()
            operation()
            (event,) = observer.events
            assert (expected[0], prefix + expected[1], *expected[2:]) == (event.op, event.key, event.bytes, event.outcome)
            assert (None, "contract", True) == (event.error, event.store, event.seconds >= 0)

    def test_an_error_is_told_as_an_event(self, store: AssetStore, observer: RecordingObserver) -> None:
        """A failed operation ends in one event too, with the class of its error."""
        with pytest.raises(FileNotFoundError):
            store.read("missing")
        (event,) = observer.events
        assert ("read", "error", "NotFoundError", 0) == (event.op, event.outcome, event.error, event.bytes)

    def test_a_signed_url_works_as_it_was_signed(
        self, store: AssetStore, able: Able, record_property: Callable[[str, object], None]
    ) -> None:
        """Signed requests read, write and delete without credentials, under odd keys too; the URL is in no repr."""
        key = "odd/ü &+%2F=?#.png"
        store.upload(b"abc", key)
        request = _signed(store, able, key, record_property)
        if request is None:
            return
        assert (200, b"abc") == _send(request)
        assert request.url not in repr(request)
        assert 200 == _send(store.presign(key, method="PUT", content_type="image/png"), b"new")[0]
        assert (b"new", "image/png") == (store.read(key), store.stat(key).content_type)
        assert _send(store.presign(key, method="DELETE"))[0] in (200, 204)
        assert not store.exists(key)

    def test_a_signed_url_allows_nothing_else(
        self, store: AssetStore, able: Able, record_property: Callable[[str, object], None]
    ) -> None:
        """Another key, another method, another type or a changed signature is refused."""
        store.upload(b"abc", "a")
        store.upload(b"secret", "b")
        request = _signed(store, able, "a", record_property)
        if request is None:
            return
        changed = request.url[:-1] + ("0" if request.url[-1] != "0" else "1")
        assert 400 <= _send(request, url=changed)[0] < 500
        assert 400 <= _send(request, url=request.url.replace("/a?", "/b?"))[0] < 500
        assert 400 <= _send(request, b"evil", method="PUT")[0] < 500
        typed = store.presign("a", method="PUT", content_type="image/png")
        assert 400 <= _send(typed, b"evil", headers={"Content-Type": "text/html"})[0] < 500
        assert b"abc" == store.read("a")

    def test_a_public_url_names_the_key(
        self, store: AssetStore, prefix: str, record_property: Callable[[str, object], None]
    ) -> None:
        """The public URL ends in the quoted key and is told without a request."""
        try:
            url = store.url("odd/ü &+%2F=?#.png")
        except UnsupportedError:
            record_property(summary.LEFT_OUT, f"{type(self).__name__}: url")
            return
        assert url.isascii()
        assert unquote(urlsplit(url).path).endswith(f"/{prefix}odd/ü &+%2F=?#.png")


def _using(store: AssetStore, folder: Path) -> dict[str, Callable[[], object]]:
    """Return one call for each option field, with a value that is not the default."""
    values: dict[str, Any] = {
        "cache_control": "no-store",
        "content_disposition": "inline",
        "content_language": "en",
        "content_type": "image/png",
        "if_match": "etag",
        "metadata": {"a": "b"},
        "overwrite": False,
    }
    uses: dict[str, Callable[[], object]] = {
        f"upload.{name}": lambda name=name, value=value: store.upload(b"", "a", **{name: value})  # type: ignore[misc]  # default binds
        for name, value in values.items()
    }
    return uses | {
        "read.offset": lambda: store.read("a", offset=1),
        "read.length": lambda: store.read("a", length=1),
        "read.if_match": lambda: store.read("a", if_match="etag"),
        "list.cursor": lambda: store.list_page(cursor="x"),
        "list.recursive": lambda: list(store.list(recursive=False)),
        "list.start_after": lambda: list(store.list(start_after="x")),
        "presign": lambda: store.presign("a"),
        "presign.method": lambda: store.presign("a", method="PUT"),
        "presign.expires": lambda: store.presign("a", expires=1),
        "presign.content_type": lambda: store.presign("a", content_type="image/png"),
        "url": lambda: store.url("a"),
    }


def _read_one(store: AssetStore, key: str) -> None:
    with store.open(key) as reader:
        reader.read(1)


def _signed(
    store: AssetStore, able: Able, key: str, record_property: Callable[[str, object], None]
) -> PresignedRequest | None:
    """Return a signed GET, or ``None`` where the backend has none or its URLs lead to no server."""
    if not able("presign"):
        return None
    try:
        return store.presign(key)
    except UnsupportedError:
        record_property(summary.LEFT_OUT, "presign")
        return None


def _send(
    request: PresignedRequest,
    body: bytes | None = None,
    *,
    url: str | None = None,
    method: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    sent = {**request.headers, **(headers or {})}
    if body is not None:
        # urllib would declare a form otherwise, which was not signed.
        sent.setdefault("Content-Type", "")
    raw = urllib.request.Request(url or request.url, data=body, method=method or request.method, headers=sent)  # noqa: S310
    try:
        with urllib.request.urlopen(raw) as answer:  # noqa: S310 - the URL is the backend's own
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
