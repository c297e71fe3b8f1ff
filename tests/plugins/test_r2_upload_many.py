"""Many small assets at once on R2: one thread sends them, and each ends as if it had gone alone."""

from __future__ import annotations

import gc
import os
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from r2_stand_in import backend_at

from assetstore import AlreadyExistsError, AssetStore, AssetStoreError, PreconditionError, SourceError, UnavailableError
from assetstore.testing import RecordingObserver
from assetstore_r2.testing import Answer, Fault, FaultProxy, LoseResponse, Request, Reset, Status, Truncate
from assetstore_r2.upload_many import SMALL
from kept_ports import kept_port
from score.network_cases import failing, store_at
from threads_left import threads_left

COUNT = 60


@pytest.fixture(scope="module")
def proxy(seaweedfs: Any) -> Iterator[FaultProxy]:
    """Give one proxy for the module, whose faults each test sets."""
    with FaultProxy(seaweedfs.endpoint_url) as running:
        yield running


@pytest.fixture
def store(seaweedfs: Any, proxy: FaultProxy, unique_prefix: str) -> Iterator[AssetStore]:
    """Give an empty part of a bucket behind the proxy."""
    with store_at(seaweedfs, proxy.url, unique_prefix) as opened:
        yield opened


def some() -> dict[str, bytes]:
    """Return assets, of which each has other bytes."""
    return {f"{number:03}": b"%d" % number * (number % 7) for number in range(COUNT)}


FAULTS = [
    Status(method="PUT", status=503, nth=5, times=7),
    Status(method="PUT", status=500, nth=9, times=2),
    Status(method="PUT", status=429, nth=30, times=2),
    LoseResponse(method="PUT", nth=3, times=5),
    Reset(method="PUT", nth=20, times=4),
    Reset(method="PUT", nth=20, times=4, direction="request"),
    Truncate(method="PUT", nth=1, times=1, direction="request"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{type(fault).__name__}-{fault.direction}")
def test_a_fault_that_passes_fails_none_of_many(store: AssetStore, proxy: FaultProxy, fault: Fault) -> None:
    """Refusals for now, lost answers and broken connections are settled for each asset on its own; all are stored once."""
    with failing(proxy, fault):
        results = list(store.upload_many([(data, key) for key, data in some().items()], overwrite=False, ordered=True))
    assert [None] * COUNT == [result.error for result in results]
    assert some() == {info.key: store.read(info.key) for info in store.list()}
    assert [store.stat(result.key).etag for result in results if result.key] == [result.result().etag for result in results]


def test_a_fault_that_stays_fails_each_of_many_with_its_own_key(store: AssetStore, proxy: FaultProxy) -> None:
    """Where nothing is stored, no result says that it is."""
    with failing(proxy, Status(method="PUT", status=503, times=None)):
        results = list(store.upload_many([(b"x", f"{number}") for number in range(8)]))
    assert all(isinstance(result.error, UnavailableError) and f"{result.index}" == result.error.key for result in results)
    assert [] == list(store.list())


def test_conditions_hold_for_each_of_many(store: AssetStore) -> None:
    """A taken key, another version and a missing one are told as for one upload; the others are stored."""
    etag = store.upload(b"old", "taken").etag
    items: list[tuple[bytes, str, dict[str, Any]]] = [
        (b"new", "taken", {"overwrite": False}),
        (b"new", "missing", {"if_match": etag}),
        (b"new", "free", {"overwrite": False}),
    ]
    taken, missing, free = store.upload_many(items, ordered=True)
    assert isinstance(taken.error, AlreadyExistsError)
    assert isinstance(missing.error, PreconditionError)
    assert free.error is None
    with pytest.raises(AssetStoreError, match="no asset that if_match could match"):
        missing.result()
    assert b"old" == store.read("taken")


def test_many_cost_one_request_each(store: AssetStore, proxy: FaultProxy) -> None:
    """Nothing is asked before or after; large ones go alone, in the same call."""
    large = os.urandom(SMALL + 1)
    items = {**some(), "large": large, "larger": large + b"x"}
    with failing(proxy) as requests:
        results = list(store.upload_many([(data, key) for key, data in items.items()]))
    assert [None] * len(items) == [result.error for result in results]
    assert ["PUT"] * len(items) == [request.method for request in requests]
    assert items == {info.key: store.read(info.key) for info in store.list()}


def test_nothing_of_what_was_sent_is_kept(seaweedfs: Any, unique_prefix: str, tmp_path: Path) -> None:
    """When the call is over its bytes are gone at once: a collector of cycles that comes seldom would find them too late."""
    size, path = 100_000, tmp_path / "file"
    path.write_bytes(os.urandom(size))
    with store_at(seaweedfs, seaweedfs.endpoint_url, unique_prefix) as store:
        assert [None] == [result.error for result in store.upload_many([(path, "first")])]
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            assert {None} == {result.error for result in store.upload_many((path, f"{number}") for number in range(60))}
            assert tracemalloc.get_traced_memory()[0] < 30 * size
        finally:
            tracemalloc.stop()
            gc.enable()


def test_each_of_many_has_an_event_and_its_digest(seaweedfs: Any, unique_prefix: str) -> None:
    """As one upload has; the requests are counted, too."""
    observer = RecordingObserver()
    with store_at(seaweedfs, seaweedfs.endpoint_url, unique_prefix, plugins=[observer]) as store:
        infos = [result.result() for result in store.upload_many([(data, key) for key, data in some().items()])]
        assert {store.stat(info.key).digest for info in infos} == {info.digest for info in infos}
    events = [event for event in observer.events if event.op == "upload"]
    assert {unique_prefix + key for key in some()} == {event.key for event in events}
    assert COUNT == sum(sum(event.requests.values()) for event in events)


@attrs.frozen(kw_only=True)
class Counting(Fault):
    """No fault: notes how many requests are under way whenever one comes."""

    times: int | None = None
    under_way: list[int] = attrs.field(factory=list)
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def respond(self, request: Request) -> Answer | None:
        """Note one more."""
        with self.lock:
            self.under_way.append((self.under_way or [0])[-1] + 1)
        return None

    def amend(self, request: Request, answer: Answer) -> Answer:
        """Note one less."""
        with self.lock:
            self.under_way.append(self.under_way[-1] - 1)
        return answer


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_are_under_way_than_were_allowed(store: AssetStore, proxy: FaultProxy, most: int) -> None:
    """``max_concurrency`` bounds the requests."""
    counting = Counting()
    with failing(proxy, counting):
        list(store.upload_many([(b"x", f"{number}") for number in range(40)], max_concurrency=most))
    assert most >= max(counting.under_way)


def test_a_file_that_vanishes_fails_alone(store: AssetStore, tmp_path: Path) -> None:
    """What cannot be read is told by its own error."""
    (tmp_path / "there").write_bytes(b"x")
    results = list(store.upload_many([(tmp_path / name, name) for name in ("there", "gone", "too")], ordered=True))
    assert [None, SourceError, SourceError] == [result.error and type(result.error) for result in results]


def test_a_service_that_nobody_runs_fails_each() -> None:
    """No connection is an error of each asset, after as many tries as one upload has."""
    with kept_port() as port:
        store = AssetStore(backend_at(f"http://127.0.0.1:{port}", max_attempts=1))
        results = list(store.upload_many([(b"x", f"{number}") for number in range(5)]))
    assert [UnavailableError] * 5 == [type(result.error) for result in results]


def test_closing_ends_what_is_under_way() -> None:
    """A service that answers nothing does not keep the thread."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = AssetStore(backend_at(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        items = ((b"x", f"{number}") for number in range(5))
        results = store.upload_many(items)
        taking = threading.Thread(target=lambda: list(results))
        taking.start()
        with silent.accept()[0]:
            results.close()
            taking.join(600)
    assert [] == threads_left("upload_many")
