"""Guarantees about the plugin itself: its hooks, what it declares, what it reports."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from assetstore.errors import UnsupportedError
from assetstore.hooks import OPTIONAL, REQUIRED, Hooks
from assetstore.options import OPERATIONS, every
from assetstore.store import AssetStore
from assetstore.testing.contract.capabilities import NEVER_GIVEN
from assetstore.testing.contract.fixtures import Fixtures
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.observer import RecordingObserver
from assetstore.testing.samples import SAMPLES


def _bare(hint: Any) -> Any:
    """Return what a type consists of, without ``None``, which a result may leave out."""
    parts = [_bare(part) for part in typing.get_args(hint) if part is not types.NoneType]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return parts[0] if len(parts) == 1 else frozenset(parts)
    return (typing.get_origin(hint), *parts) if parts else hint


class PluginGuarantees(Fixtures):
    """What the store and the command line rely on beside the bytes.

    Hooks that fit their specification, claims that are true in both directions, and one event for each operation.
    """

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
                fits = _bare(hint) == _bare(expected[name]) if name == "return" else hint == expected[name]
                assert fits, f"{name} of assetstore_{op}"

    def test_supports_names_only_what_exists(self, backend: object) -> None:
        """Each entry of ``supports`` is an option field, of an operation that the backend implements."""
        supports: frozenset[str] = getattr(backend, "supports", frozenset())
        assert isinstance(supports, frozenset)
        assert set() == supports - (every(*OPERATIONS) - NEVER_GIVEN)
        # An update has no hook of its own: it is a copy, or a read and an upload.
        named = {field.partition(".")[0] for field in supports} - {"update"}
        assert set() == {op for op in named if not hasattr(backend, f"assetstore_{op}")}

    def test_what_is_not_supported_is_refused(self, store: AssetStore, spy: FaultyBackend) -> None:
        """An option that is not claimed is UnsupportedError and never dropped: the backend hears of no operation with it."""
        store.upload(b"abc", "a")
        uses = _using(store)
        spy.calls.clear()
        for capability, operation in uses.items():
            if not store.can(capability):
                with pytest.raises(UnsupportedError):
                    operation()
        # A copy that the store does itself may have read before it learns that the write is refused. Only the hooks of URLs
        # and files themselves know whether there are any.
        assert [] == [op for op, _ in spy.calls if op not in ("read", "url", "path")]

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


def _using(store: AssetStore) -> dict[str, Callable[[], object]]:
    """Return one call for each option that a caller can give, with a value that is not the default."""
    headers: dict[str, Any] = {**SAMPLES, "metadata": {"a": "b"}}
    written = {**headers, "if_match": "etag", "overwrite": False}
    bound = {**headers, "content_length": 3, "overwrite": False, "sha256": "0" * 64}
    info = store.stat("a")
    return {
        **{f"upload.{name}": functools.partial(store.upload, b"", "b", **{name: written[name]}) for name in written},
        **{f"update.{name}": functools.partial(store.update, "a", **{name: headers[name]}) for name in headers},
        "update.if_match": lambda: store.update("a", content_language="en", if_match="etag"),
        "copy.overwrite": lambda: store.copy("a", "b", overwrite=False),
        "copy.if_match": lambda: store.copy("a", "b", if_match="etag"),
        "move.overwrite": lambda: store.move("a", "b", overwrite=False),
        "delete.foreign": lambda: store.delete(attrs.evolve(info, valid=False)),
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
        "presign.download_as": lambda: store.presign("a", download_as="a.png"),
        "presign.window": lambda: store.presign("a", window=60),
        **{f"presign.{name}": functools.partial(store.presign, "a", method="PUT", **{name: bound[name]}) for name in bound},
        "url": lambda: store.url("a"),
        "path": lambda: store.path("a"),
        "application": store.application,
        "application.max_size": lambda: store.application(max_size=1),
    }


def _read_one(store: AssetStore, key: str) -> None:
    with store.open(key) as reader:
        reader.read(1)
