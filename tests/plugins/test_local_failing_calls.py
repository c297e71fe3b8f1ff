"""Each call of the system fails in turn: what an operation then reports is what happened."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast
from wsgiref.util import setup_testing_defaults

import pytest
from failing_calls import failing

from assetstore import AssetStore, AssetStoreError, DeleteReport, UnknownOutcomeError
from assetstore.plugin import EndPartsOptions, PartsOptions, UploadedPart, UploadOptions
from assetstore_local import LocalBackend
from assetstore_local.disk import whole_flush
from assetstore_local.multipart_direct import save_part
from open_files import open_below

View: TypeAlias = dict[str, tuple[object, ...]]

_OLD: dict[str, Any] = {"cache_control": "no-store", "metadata": {"version": "old"}}
_NEW: dict[str, Any] = {"cache_control": "no-cache", "metadata": {"version": "new"}}


_WRITES: dict[str, Callable[[AssetStore, Path], object]] = {
    "new": lambda store, folder: store.upload(b"new" * 99, "maps/new/c", **_NEW),
    "overwrite": lambda store, folder: store.upload(b"new" * 99, "maps/a", **_NEW),
    "create-only": lambda store, folder: store.upload(b"new" * 99, "maps/c", overwrite=False, **_NEW),
    "from a file": lambda store, folder: store.upload(folder / "source", "maps/a", **_NEW),
    "below": lambda store, folder: store.upload(b"new" * 99, "maps/a/below"),
    "update": lambda store, folder: store.update("maps/a", **_NEW),
    "copy": lambda store, folder: store.copy("maps/b", "maps/a"),
    "delete": lambda store, folder: store.delete("maps/a"),
    "move": lambda store, folder: store.move("maps/a", "c"),
    "parts": lambda store, folder: _join(store),
    "signed PUT": lambda store, folder: _served(store, "PUT", b"new" * 99),
    "signed DELETE": lambda store, folder: _served(store, "DELETE"),
}
_BATCHES: dict[str, Callable[[AssetStore, Path], dict[str, BaseException | None]]] = {
    "upload_many": lambda store, folder: {
        str(result.key): result.error
        for result in store.upload_many([(b"new a", "maps/a", _NEW), (folder / "source", "c"), (b"new d", "d/e")])
    },
    "delete_many": lambda store, folder: _deleted(store.delete_many(["maps/a", "maps/b", "maps/none"])),
}
_READS: dict[str, Callable[[AssetStore, Path], object]] = {
    "stat": lambda store, folder: store.stat("maps/a"),
    "missing": lambda store, folder: store.exists("maps/none"),
    "read": lambda store, folder: store.read("maps/a"),
    "signed GET": lambda store, folder: _served(store, "GET"),
    "list": lambda store, folder: [item.key for item in store.list()],
    "download": lambda store, folder: (store.download("maps/a", folder / "out" / "a"), (folder / "out" / "a").read_bytes()),
}


def _join(store: AssetStore) -> None:
    """Begin an upload in parts, store one as the server does, and end it."""
    backend = cast(LocalBackend, store._stack.layers[0].plugin)
    parts_id = backend.assetstore_begin_parts("maps/a", UploadOptions(**_NEW))
    assert parts_id is not None
    data = b"new" * 99
    part = UploadedPart(number=1, etag=hashlib.md5(data, usedforsecurity=False).hexdigest())
    with backend._root.new_file() as staged:
        staged.write(data)
        save_part(staged, "maps/a", parts_id, part)
    listed = backend.assetstore_list_parts("maps/a", PartsOptions(upload_id=parts_id))
    backend.assetstore_end_parts("maps/a", EndPartsOptions(upload_id=parts_id, parts=listed))


def _served(store: AssetStore, method: Literal["GET", "PUT", "DELETE"], data: bytes = b"") -> bytes:
    """Send a signed request to the application; a refusal of the server leaves the outcome open."""
    request, answers = store.presign("maps/a", method=method), list[str]()
    path, _, query = request.url.partition("8420")[2].partition("?")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "127.0.0.1:8420"}
    setup_testing_defaults(environ)
    body = {"CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data)}
    answer = store.application("wsgi")({**environ, **body}, lambda status, headers: answers.append(status))
    try:
        received = b"".join(answer)
    finally:
        getattr(answer, "close", bool)()
    if not answers[0].startswith("2"):
        raise UnknownOutcomeError(answers[0])
    return received


def _deleted(report: DeleteReport) -> dict[str, BaseException | None]:
    return dict.fromkeys(report.deleted) | {failure.key: failure.error for failure in report.failed}


def _set_up(root: Path) -> AssetStore:
    store = AssetStore(LocalBackend(root=root))
    store.upload(b"old" * 100, "maps/a", **_OLD)
    store.upload(b"other", "maps/b", **_OLD)
    return store


def _view(root: Path) -> View:
    store = AssetStore(LocalBackend(root=root))
    found = {}
    for item in store.list():
        info = store.stat(item.key)
        found[item.key] = store.read(item.key), info.size, info.digest, info.cache_control, info.metadata
    return found


@pytest.mark.parametrize(
    ("name", "number"),
    [*((name, errno.EIO) for name in _WRITES), ("overwrite", errno.ENOSPC), ("delete", errno.EACCES)],
)
def test_a_write_whose_calls_fail_tells_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    """Whichever call fails: a result means the new state, UnknownOutcomeError either, any other error the old one."""
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", -(1 << 60))
    (tmp_path / "source").write_bytes(b"new" * 99)
    store = _set_up(tmp_path / "0")
    old = _view(tmp_path / "0")
    _WRITES[name](store, tmp_path)
    new, problems = _view(tmp_path / "0"), list[str]()
    for nth in range(1, 1000):
        store, error = _set_up(root := tmp_path / str(nth)), None
        with failing(nth, number) as calls:
            try:
                _WRITES[name](store, tmp_path)
            except Exception as caught:
                error = caught
        if calls.failed is None:
            break
        told = f"{calls.failed}: {error!r}"
        if error is not None and not isinstance(error, AssetStoreError):
            problems.append(f"{told} is untyped")
        # Half of a move is a copy.
        unknown = [old, new, {**old, **new}]
        permitted = [new] if error is None else unknown if isinstance(error, UnknownOutcomeError) else [old]
        if (found := _view(root)) not in permitted:
            problems.append(f"{told}: {'new' if found == new else 'old' if found == old else found}")
        staged = os.listdir(root / ".assetstore" / "tmp") if "unlink" not in calls.failed else []
        if left := [*open_below(root), *staged]:
            problems.append(f"{told} leaves {left}")
    assert not problems, "\n".join(problems)
    assert nth > 10


@pytest.mark.parametrize("name", _BATCHES)
def test_a_batch_whose_calls_fail_tells_what_happened_to_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whichever call fails: each key has its own outcome, which is true."""
    monkeypatch.setattr(whole_flush, "MOST_DIRTY_BYTES", -(1 << 60))
    (tmp_path / "source").write_bytes(b"new" * 99)
    store = _set_up(tmp_path / "0")
    old = _view(tmp_path / "0")
    keys = _BATCHES[name](store, tmp_path).keys()
    new, problems = _view(tmp_path / "0"), list[str]()
    for nth in range(1, 1000):
        store, outcomes = _set_up(root := tmp_path / str(nth)), {}
        with failing(nth, errno.EIO) as calls:
            try:
                outcomes = _BATCHES[name](store, tmp_path)
            except Exception as caught:
                problems.append(f"{calls.failed}: {caught!r}")
        if calls.failed is None:
            break
        found = _view(root)
        for key in keys:
            error = outcomes[key]
            permitted = [new] if error is None else [old, new] if isinstance(error, UnknownOutcomeError) else [old]
            if found.get(key) not in [view.get(key) for view in permitted]:
                problems.append(f"{calls.failed}: {key} {error!r}: {found.get(key)}")
            if error is not None and not isinstance(error, AssetStoreError):
                problems.append(f"{calls.failed}: {key} {error!r} is untyped")
        if left := open_below(root):
            problems.append(f"{calls.failed} leaves {left}")
    assert not problems, "\n".join(problems)
    assert nth > 10


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("name", _READS)
def test_a_read_whose_calls_fail_gives_the_truth_or_an_error(tmp_path: Path, name: str, number: int) -> None:
    """Whichever call fails: the result is the same as without the failure, or an error of assetstore."""
    root, out = tmp_path / "root", tmp_path / "out"
    store = _set_up(root)
    expected, problems = _READS[name](store, tmp_path), list[str]()
    for nth in range(1, 1000):
        with failing(nth, number) as calls:
            try:
                if expected != (found := _READS[name](store, tmp_path)):
                    problems.append(f"{calls.failed}: {found}")
            except Exception as caught:
                if not isinstance(caught, AssetStoreError):
                    problems.append(f"{calls.failed}: {caught!r}")
        if calls.failed is None:
            break
        if left := [*open_below(tmp_path), *(path.name for path in out.glob(".*"))]:
            problems.append(f"{calls.failed} leaves {left}")
            for path in out.glob(".*"):
                path.unlink()
    assert not problems, "\n".join(problems)
    assert nth > 3
