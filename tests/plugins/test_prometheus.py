"""The metrics: what Prometheus reads is the sum of the events, whatever the stores, threads and processes."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from test_stats import event

from assetstore import AssetStore, AssetStoreError, ConfigError, Event, open_store
from assetstore.testing import MemoryBackend, RecordingObserver
from assetstore_prometheus import Prometheus

LABELS = ("store", "op", "outcome", "error", "class", "le")


def read(registry: Any) -> dict[str, dict[tuple[str, ...], float]]:
    """Read by Prometheus's own parser what is exported: the values of each sample by its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parse(generate_latest(registry).decode()):
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in LABELS if name in sample.labels)
            found.setdefault(sample.name, {})[values] = sample.value
    return found


def expected(events: list[Event]) -> dict[str, Counter[tuple[str, ...]]]:
    """Sum up events by the labels of each metric."""
    sums: dict[str, Counter[tuple[str, ...]]] = {}
    for each in events:
        labels = (each.store, each.op)
        facts = {"operations": ((*labels, each.outcome), 1)}
        facts |= {"bytes": (labels, each.bytes), "attempts": (labels, each.attempts)}
        if each.error:
            facts["errors"] = ((*labels, each.error), 1)
        for name, (values, number) in facts.items():
            sums.setdefault(f"assetstore_{name}_total", Counter())[values] += number
        for kind, count in each.requests.items():
            sums.setdefault("assetstore_requests_total", Counter())[*labels, kind] += count
    return sums


EVENTS = st.lists(
    st.builds(
        event,
        op=st.sampled_from(["upload", "read", "delete"]),
        size=st.integers(0, 1 << 40),
        outcome=st.sampled_from(["ok", "error", "abandoned"]),
        seconds=st.floats(0, 1000),
        requests=st.dictionaries(st.sampled_from(["A", "B", "free"]), st.integers(1, 1000)),
    ),
    max_size=20,
)


@given(EVENTS)
def test_the_metrics_are_the_sums_of_the_events(events: list[Event]) -> None:
    """Each label has its own sum, and the histogram counts every event."""
    registry = CollectorRegistry()
    observer = Prometheus(registry=registry)
    for each in events:
        observer.assetstore_event(event=each)
    found = read(registry)
    for name, sums in expected(events).items():
        assert dict(sums) == found[name]
    counts = Counter((each.store, each.op) for each in events)
    assert dict(counts) == found.get("assetstore_operation_seconds_count", {})


def test_what_a_store_does_is_counted() -> None:
    """Uploads, reads and failures, by operation, outcome and class of the error; no label holds a key."""
    registry, recorded = CollectorRegistry(), RecordingObserver()
    with AssetStore(MemoryBackend(), plugins=[Prometheus(registry=registry), recorded], name="prod") as store:
        store.upload(b"abc", "secret/key")
        store.read("secret/key")
        with store.open("secret/key") as reader:
            reader.read(1)
        with contextlib.suppress(AssetStoreError):
            store.stat("secret/none")
    found = read(registry)
    assert {
        ("prod", "upload", "ok"): 1,
        ("prod", "read", "ok"): 1,
        ("prod", "read", "abandoned"): 1,
        ("prod", "stat", "error"): 1,
    } == found["assetstore_operations_total"]
    assert 1 == found["assetstore_errors_total"]["prod", "stat", "NotFoundError"]
    assert 4 == found["assetstore_bytes_total"]["prod", "read"]
    assert b"secret" not in generate_latest(registry)


def test_the_parser_of_openmetrics_reads_them_too() -> None:
    """The names keep the rules of the newer format."""
    registry = CollectorRegistry()
    Prometheus(registry=registry).assetstore_event(event=event(requests={"A": 2}))
    families = {family.name for family in parse_openmetrics(openmetrics(registry).decode())}
    named = ("operations", "operation_seconds", "bytes", "attempts", "errors", "requests")
    assert {f"assetstore_{name}" for name in named} == families


def test_two_stores_of_a_process_share_the_metrics() -> None:
    """Each has its label, and a store that is opened again goes on where it was."""
    registry = CollectorRegistry()
    for name in ("a", "b", "a"):
        with AssetStore(MemoryBackend(), plugins=[Prometheus(registry=registry)], name=name) as store:
            store.upload(b"abc", "k")
    assert {("a", "upload"): 6, ("b", "upload"): 3} == read(registry)["assetstore_bytes_total"]


def test_buckets_are_those_of_the_process() -> None:
    """A second store with other ones is refused, as are metrics of the same name that are not ours."""
    registry = CollectorRegistry()
    Prometheus(registry=registry, buckets=(0.1, 1.0))
    with pytest.raises(ConfigError, match="buckets must be the same"):
        Prometheus(registry=registry)
    taken = CollectorRegistry()
    Gauge("assetstore_bytes", "not ours", registry=taken)
    with pytest.raises(ConfigError, match="cannot be registered"):
        Prometheus(registry=taken)
    with pytest.raises(ConfigError, match="cannot be registered"):
        Prometheus(registry=CollectorRegistry(), buckets=(1.0, 0.1))


def test_metrics_that_were_refused_may_be_registered_later() -> None:
    """What is wrong leaves nothing behind: a program that mends it goes on."""
    registry = CollectorRegistry()
    taken = Gauge("assetstore_requests", "not ours", registry=registry)
    with pytest.raises(ConfigError, match="cannot be registered"):
        Prometheus(registry=registry)
    registry.unregister(taken)
    for wrong in ((5.0, 1.0), (1.0, 1.0), (0.1, float("nan"), 5.0), ()):
        with pytest.raises(ConfigError, match="buckets"):
            Prometheus(registry=registry, buckets=wrong)
    Prometheus(registry=registry).assetstore_event(event=event(requests={"A": 2}))
    assert {("dev", "upload", "A"): 2} == read(registry)["assetstore_requests_total"]


def test_a_name_that_is_not_utf_8_does_not_break_the_exporter() -> None:
    """One store over a folder of such a name would hide all metrics of the process."""
    registry = CollectorRegistry()
    with AssetStore(MemoryBackend(), plugins=[Prometheus(registry=registry)], name="file:caf\udce9") as store:
        store.upload(b"abc", "k")
    assert {("file:caf\\udce9", "upload"): 3} == read(registry)["assetstore_bytes_total"]


def test_a_configuration_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``plugins = ["prometheus"]`` is enough; the metrics are those of the process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('[stores.metered]\nurl = "memory:"\nplugins = ["prometheus"]\n')
    with open_store("metered") as store:
        store.upload(b"abc", "a")
    assert 3 == read(REGISTRY)["assetstore_bytes_total"]["metered", "upload"]


def test_threads_count_exactly() -> None:
    """Eight threads deliver events at once."""
    registry = CollectorRegistry()
    observer = Prometheus(registry=registry)
    threads = [
        threading.Thread(target=lambda: [observer.assetstore_event(event=event()) for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 4000 == read(registry)["assetstore_operations_total"]["dev", "upload", "ok"]


def test_an_event_in_the_midst_of_counting_another_is_counted() -> None:
    """The garbage collector may close a forgotten reader while a metric is looked up: nothing hangs, and nothing is lost."""
    registry = CollectorRegistry()
    observer = Prometheus(registry=registry)
    store = AssetStore(MemoryBackend(), plugins=[observer], name="dev")
    store.upload(b"abc", "a")

    class Forgetful(str):
        """A name for which a metric is looked up just when the collector happens to run."""

        def __hash__(self) -> int:
            reader = store.open("a")
            reader.myself = reader  # type: ignore[attr-defined]  # a circle, which the collector alone finds
            del reader
            gc.collect()
            return super().__hash__()

    observer.assetstore_event(event=event(op=Forgetful("upload")))
    found = read(registry)["assetstore_operations_total"]
    assert (2, True) == (found["dev", "upload", "ok"], found["dev", "read", "abandoned"] > 0)


PROCESS = """
import sys
from assetstore import AssetStore
from assetstore.testing import MemoryBackend
from assetstore_prometheus import Prometheus
with AssetStore(MemoryBackend(), plugins=[Prometheus()], name="dev") as store:
    for number in range(int(sys.argv[1])):
        store.upload(b"abc", str(number))
"""
SHOW = """
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_processes_that_share_a_folder_are_summed_up(tmp_path: Path) -> None:
    """The client's own mode for several processes adds them."""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    for count in ("3", "4"):
        subprocess.run([sys.executable, "-c", PROCESS, count], env=environment, check=True)
    shown = subprocess.run([sys.executable, "-c", SHOW], env=environment, check=True, capture_output=True, text=True).stdout
    samples = {sample.name: sample for family in parse(shown) for sample in family.samples}
    assert 7 == samples["assetstore_operations_total"].value
    assert 21 == samples["assetstore_bytes_total"].value
