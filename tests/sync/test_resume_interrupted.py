"""Transfers that are interrupted at any points, with any changes in between, end with the newest bytes and never a mix."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore.content.checkpoint import opened
from assetstore.options import DownloadOptions, UploadOptions
from assetstore.plugin import Source

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from r2_stand_in import PART, Reply, backend_on, get, put, stand_in

PARTS = 3
LAST = 1000
WEED = pytest.mark.parametrize("name", ["seaweedfs"])
BOTH = pytest.mark.parametrize("name", ["seaweedfs", "emulator"])
EASY = settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

versions = st.lists(st.sampled_from("ab"), min_size=PARTS, max_size=PARTS).map("".join)
"""What each part consists of."""
sizes = st.sampled_from([0, LAST])
"""Of the last part, which is shorter."""
runs = st.lists(st.tuples(versions, sizes, st.integers(0, PARTS + 1)), max_size=4)
"""Runs that are interrupted: the version then, and how many requests about bytes the service still answers."""


class Interrupted(BaseException):
    """The end of a process, as far as its notes are concerned."""


def bytes_of(version: str, last: int) -> bytes:
    """Return the bytes of a version."""
    return b"".join(letter.encode() * PART for letter in version) + b"z" * last


@pytest.fixture
def backend(name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a backend behind a stand-in, which sends one part at a time."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    server = request.getfixturevalue(name)
    with stand_in(server.endpoint_url) as proxy:
        yield backend_on(server, proxy.url, max_concurrency=1), proxy


@contextlib.contextmanager
def answering(proxy: Any, count: int, part: str) -> Iterator[Callable[[], None]]:
    """Let the service answer so many requests about bytes; what is called with progress then ends the process."""
    left = [count]

    def script(request: Any, forward: Callable[[], Reply]) -> Reply:
        left[0] -= part in request.path
        return forward()

    def end(_: int = 0) -> None:
        if left[0] <= 0:
            raise Interrupted

    proxy.script = script
    with contextlib.suppress(Interrupted):
        yield end
    proxy.script = lambda request, forward: forward()


@WEED
@EASY
@given(runs=runs, version=versions, last=sizes)
def test_an_upload_is_of_the_newest_bytes(backend, unique_prefix, runs, version, last):
    """However often it was interrupted, and whatever the file was then, the asset has the bytes that the file has now."""
    at, proxy = backend
    key = f"{unique_prefix}a"

    def upload(data: bytes, progress: Any = None) -> None:
        with Source(data, progress=progress) as source, opened((key,), lambda *_: None, least=1) as source.checkpoint:
            at.assetstore_upload(key=key, source=source, options=UploadOptions())

    for earlier, size, count in runs:
        with answering(proxy, count, "partNumber") as end:
            upload(bytes_of(earlier, size), end)
    proxy.requests.clear()
    upload(bytes_of(version, last))
    assert bytes_of(version, last) == get(at, key)


@WEED
@EASY
@given(runs=runs, version=versions, last=sizes)
def test_a_download_is_of_the_newest_bytes(backend, unique_prefix, tmp_path, runs, version, last):
    """However often it was interrupted, and whatever the asset was then, the file has the bytes that the asset has now."""
    at, proxy = backend
    key, path = f"{unique_prefix}a", tmp_path / "file"
    path.touch()

    def download(progress: Any = None) -> None:
        with opened((key, "down"), lambda *_: None, least=1) as checkpoint:
            at.assetstore_download(key=key, path=path, options=DownloadOptions(checkpoint=checkpoint, progress=progress))

    for earlier, size, count in runs:
        put(at, key, bytes_of(earlier, size))
        with answering(proxy, count, key) as end:
            download(end)
    put(at, key, bytes_of(version, last))
    download()
    assert bytes_of(version, last) == path.read_bytes()


@BOTH
def test_what_was_sent_is_not_sent_again(backend, unique_prefix):
    """Of parts that were answered before the interruption none is sent again, and the mark of the write is the first's."""
    at, proxy = backend
    key, data, told = f"{unique_prefix}a", bytes_of("aba", LAST), []

    def upload(progress: Any = None) -> None:
        with (
            Source(data, progress=progress) as source,
            opened((key,), lambda *numbers: told.append(numbers), least=1) as source.checkpoint,
        ):
            at.assetstore_upload(key=key, source=source, options=UploadOptions(overwrite=False))

    with answering(proxy, 2, "partNumber") as end:
        upload(end)
    sent = sum("partNumber" in request.path for request in proxy.requests)
    upload()
    assert (True, PARTS + 1) == (0 < sent, sum("partNumber" in request.path for request in proxy.requests))
    assert [(sent * PART, len(data))] == told
    assert data == get(at, key)
