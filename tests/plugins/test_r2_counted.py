"""The requests that events name are those that a proxy saw, for every operation, on both engines, whatever fails."""

from __future__ import annotations

import contextlib
import http.client
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assetstore import AssetStore, AssetStoreError, PresignedRequest
from assetstore.testing import RecordingObserver
from assetstore_naming import Naming
from assetstore_r2.testing import FaultProxy, LoggedRequest, LoseResponse, Reset, Status, Truncate
from score.network_cases import BIG, FAULTS, OPERATIONS, PART, SMALL, failing, store_at

Run = Callable[[AssetStore, Path], object]


@attrs.frozen
class Watched:
    """A store behind a proxy, and its observer."""

    store: AssetStore
    proxy: FaultProxy
    observer: RecordingObserver


@pytest.fixture(scope="module", params=["wire", "boto3"])
def behind_proxy(seaweedfs: Any, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Give a store on each engine."""
    observer = RecordingObserver()
    with (
        FaultProxy(seaweedfs.endpoint_url) as proxy,
        store_at(seaweedfs, proxy.url, plugins=[observer, Naming()], engine=request.param) as store,
    ):
        yield Watched(store, proxy, observer)


@pytest.fixture
def watched(behind_proxy: Watched, unique_prefix: str) -> Watched:
    """Give the store in a prefix of the test's own."""
    behind_proxy.observer.events.clear()
    return attrs.evolve(behind_proxy, store=behind_proxy.store.scoped(unique_prefix))


def class_of(request: LoggedRequest) -> str:
    """Tell the class from the request alone: what deletes is free, what writes or lists is of A, what reads of B."""
    path, _, query = request.target.partition("?")
    if request.method == "DELETE" or (request.method == "POST" and query.startswith("delete")):
        return "free"
    lists = request.method == "GET" and (path.count("/") < 2 or path.endswith("/assets/") or "uploadId=" in query)
    return "A" if lists or request.method in ("PUT", "POST") else "B"


def seen(requests: list[LoggedRequest]) -> Counter[str]:
    """Count by class what the store sent; what a holder of a signed URL sends is not the store's."""
    return Counter(class_of(request) for request in requests if "X-Amz-Signature=" not in request.target)


def counted(observer: RecordingObserver) -> Counter[str]:
    """Sum up the requests of all events, and forget them."""
    total: Counter[str] = Counter()
    for event in observer.events:
        total.update(event.requests)
    observer.events.clear()
    return total


def send(request: PresignedRequest, body: bytes) -> str:
    """Send a signed PUT and return the ETag of the answer."""
    url = urlsplit(request.url)
    connection = http.client.HTTPConnection(url.netloc, timeout=600)
    with contextlib.closing(connection):
        connection.request(request.method, f"{url.path}?{url.query}", body, dict(request.headers))
        answer = connection.getresponse()
        answer.read()
    assert 200 == answer.status
    return str(answer.headers["etag"]).strip('"')


def direct(store: AssetStore, _: Path) -> None:
    """Begin an upload, send the bytes, finish it twice."""
    upload = store.begin_upload(key="direct", size=len(SMALL))
    assert upload.request is not None
    send(upload.request, SMALL)
    store.finish_upload(upload.token)
    store.finish_upload(upload.token)


def direct_in_parts(store: AssetStore, _: Path) -> None:
    """Send the parts of one upload and finish it; begin another and cancel it."""
    upload = store.begin_upload(key="parts", size=len(BIG), part_size=PART)
    for number, request in store.presign_parts(upload.token, [1, 2]).items():
        send(request, BIG[(number - 1) * PART : number * PART])
    store.list_parts(upload.token)
    store.finish_upload(upload.token)
    store.cancel_upload(store.begin_upload(key="other", size=len(BIG), part_size=PART).token)


def seek(store: AssetStore, _: Path) -> None:
    """Read the end of an asset, then its middle."""
    with store.open("large") as reader:
        reader.seek(-100, 2)
        assert BIG[-100:] == reader.read()
        reader.seek(len(BIG) // 2)
        assert BIG[len(BIG) // 2] == reader.read(1)[0]


def drained(results: Any) -> None:
    """Take all results."""
    assert [] == [result.error for result in results if result.error is not None]


ALL: dict[str, Run] = {
    **{name: operation.run for name, operation in OPERATIONS.items() if name not in ("begin", "part", "complete")},
    "create": lambda store, _: store.upload(SMALL, "new", overwrite=False),
    "upload in parts": lambda store, _: store.upload(BIG, "big"),
    "generated key": lambda store, _: store.upload(SMALL, filename="a.bin"),
    "exists": lambda store, _: (store.exists("a"), store.exists("none")),
    "open and close": lambda store, _: store.open("a").close(),
    "download in ranges": lambda store, folder: store.download("large", folder / "large"),
    "list folded": lambda store, _: list(store.list(recursive=False, limit=2)),
    "seek": seek,
    "move": lambda store, _: store.move("b", "c"),
    "copy of parts": lambda store, _: store.copy("large", "larger"),
    "upload many": lambda store, _: drained(store.upload_many([(SMALL, f"many/{n}") for n in range(20)])),
    "read many": lambda store, _: drained(store.read_many(["a", "b", "large"])),
    "stat many": lambda store, _: drained(store.stat_many(["a", "b", "large"])),
    "download many": lambda store, folder: drained(store.download_many(["a", "b", "large"], folder)),
    "copy many": lambda store, _: drained(store.copy_many([("a", "x"), ("b", "y")])),
    "delete many at once": lambda store, _: store.delete_many([f"none/{n}" for n in range(1500)]),
    "direct": direct,
    "direct in parts": direct_in_parts,
    "sweep": lambda store, _: store.sweep_pending(timedelta(seconds=0)),
    "collect": lambda store, _: store.collect(),
    "check": lambda store, _: store.check(),
    "sign": lambda store, _: (store.presign("a"), store.presign_many(["a", "b"])),
}


def prepare(watched: Watched) -> None:
    """Store what the operations need."""
    for key, data in {"a": SMALL, "b": SMALL, "large": BIG}.items():
        watched.store.upload(data, key)
    watched.observer.events.clear()


@pytest.mark.parametrize("op", ALL)
def test_the_events_of_an_operation_name_the_requests_that_were_sent(watched: Watched, tmp_path: Path, op: str) -> None:
    """By class, each exactly once, in whichever thread it was sent."""
    prepare(watched)
    with failing(watched.proxy) as made:
        ALL[op](watched.store, tmp_path)
    assert seen(made) == counted(watched.observer)


@pytest.mark.parametrize("fault", ["lost", "500 behind the work", "reset on the way up", "denied"])
@pytest.mark.parametrize("op", OPERATIONS)
def test_attempts_that_failed_are_counted_too(watched: Watched, tmp_path: Path, op: str, fault: str) -> None:
    """A request without an answer may have been carried out, and be charged for."""
    operation = OPERATIONS[op]
    for key, data in operation.before.items():
        watched.store.upload(data, key)
    watched.observer.events.clear()
    struck = attrs.evolve(FAULTS[fault], method=operation.method, target=operation.target)
    with failing(watched.proxy, struck) as made, contextlib.suppress(AssetStoreError):
        operation.run(watched.store, tmp_path)
    assert seen(made) == counted(watched.observer)


BREAKS = st.sampled_from(
    [
        LoseResponse(),
        Status(status=500),
        Reset(method="GET", after=100),
        Truncate(method="GET", after=100),
        Reset(direction="request", after=100),
    ]
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.sampled_from(sorted(ALL)), min_size=1, max_size=4),
    breaks=st.lists(st.builds(attrs.evolve, BREAKS, nth=st.integers(1, 6)), max_size=2),
)
def test_whatever_happens_the_sum_is_what_the_server_saw(
    watched: Watched, tmp_path: Path, steps: list[str], breaks: list[Any]
) -> None:
    """Several operations one after the other, with faults anywhere among their requests.

    A third fault could end an operation while the proxy has yet to log the requests of its other threads.
    """
    prepare(watched)
    with failing(watched.proxy, *breaks) as made:
        for op in steps:
            with contextlib.suppress(AssetStoreError, AssertionError, OSError):
                ALL[op](watched.store, tmp_path)
    assert seen(made) == counted(watched.observer)


def test_a_reader_counts_for_its_own_operation(watched: Watched) -> None:
    """A read that goes on after a break counts for the read, also while another operation takes its bytes."""
    prepare(watched)
    with failing(watched.proxy, Truncate(method="GET", after=1000)), watched.store.open("large") as reader:
        watched.store.upload(reader.chunks(), "copy")
    requests = {event.op: event.requests for event in watched.observer.events}
    assert {"read": {"B": 2}, "upload": {"A": 4, "B": 1}} == requests


def test_requests_for_several_keys_count_once(watched: Watched) -> None:
    """Of the events of a batch, the first has its request."""
    watched.store.delete_many(["a", "b", "c"])
    assert [{"free": 1}, {}, {}] == [event.requests for event in watched.observer.events]


def test_what_never_left_is_not_counted(seaweedfs: Any) -> None:
    """Nobody listens there, so that there is nothing to be charged for."""
    for engine in ("wire", "boto3"):
        observer = RecordingObserver()
        nowhere = store_at(seaweedfs, "http://127.0.0.1:9", plugins=[observer], engine=engine)
        with nowhere as store, pytest.raises(AssetStoreError):
            store.stat("a")
        assert [{}] == [event.requests for event in observer.events]
