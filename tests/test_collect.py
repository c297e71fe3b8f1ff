"""``store.collect``: what direct uploads left in ``pending/``, for every backend, and the options of the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from assetstore import AssetStore, CollectReport, Leftover, UnavailableError, UnsupportedError
from assetstore.limits import LEFTOVER_AGE
from assetstore.plugin import AccessDeniedError, CollectOptions, Source, UploadOptions, every, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver

PENDING = [f"pending/{number:032x}" for number in range(3)]


class Aged(MemoryBackend):
    """A memory whose assets can be made older, and whose own leftover belongs to the key ``tenant/a``."""

    supports = MemoryBackend.supports | every("collect") - {"collect.repair"}

    def age(self, key: str, by: timedelta) -> None:
        """Make an asset older."""
        info, data = self._assets[key]
        assert info.last_modified is not None
        self._assets[key] = attrs.evolve(info, last_modified=info.last_modified - by), data

    def put(self, key: str, by: timedelta) -> None:
        """Store three bytes that are so old."""
        self.assetstore_upload(key, Source(b"abc"), UploadOptions())
        self.age(key, by)

    @hookimpl
    def assetstore_collect(self, options: CollectOptions) -> CollectReport:
        """Report one leftover that cannot be removed."""
        if not "tenant/a".startswith(options.prefix):
            return CollectReport()
        error = AccessDeniedError("not yours") if options.remove else None
        return CollectReport(items=(Leftover(kind="upload in parts", name="tenant/a", error=error),))


@pytest.fixture
def backend() -> Aged:
    """Return a memory with an old, a young and a foreign object in ``pending/``."""
    backend = Aged()
    backend.put(PENDING[0], timedelta(days=2))
    backend.put(PENDING[1], timedelta(minutes=59))
    backend.put("pending/notes.txt", timedelta(days=2))
    return backend


def pending_of(report: CollectReport) -> list[tuple[str, bool]]:
    """Return names of pending objects in a report and whether they were removed."""
    return [(item.name, item.removed) for item in report.items if item.kind == "unfinished direct upload"]


def test_old_pending_objects_are_listed_and_removed_on_request(backend: Aged) -> None:
    """Those of direct uploads that are old enough; what is young, and what no upload made, stays."""
    store = AssetStore(backend)
    assert [(PENDING[0], False)] == pending_of(store.collect())
    assert 3 == len(list(store.list()))
    assert [(PENDING[0], True)] == pending_of(store.collect(remove=True, older_than="1h"))
    assert [PENDING[1], "pending/notes.txt"] == [info.key for info in store.list()]
    assert [] == pending_of(store.collect(remove=True))


def test_a_wrong_clock_of_this_machine_removes_nothing_young() -> None:
    """Where the store tells the time, that decides: two days ago by its clock nothing had been old enough."""

    class Elsewhere(Aged):
        """A store whose clock is two days behind that of this machine."""

        @hookimpl
        def assetstore_collect(self, options: CollectOptions) -> CollectReport:
            """Tell the time alone."""
            return CollectReport(now=datetime.now(UTC) - timedelta(days=2))

    elsewhere = Elsewhere()
    elsewhere.put(PENDING[0], timedelta(days=2))
    assert [] == pending_of(AssetStore(elsewhere).collect(remove=True, older_than="1h"))
    assert [PENDING[0]] == [info.key for info in AssetStore(elsewhere).list()]


def test_a_leftover_tells_age_and_bytes(backend: Aged) -> None:
    """Size and time are those of the object."""
    [item] = [item for item in AssetStore(backend).collect(older_than=timedelta(hours=1)).items if item.size]
    assert item.modified is not None
    assert (3, True) == (item.size, datetime.now(UTC) - item.modified > timedelta(days=2))


def test_a_part_of_a_store_collects_its_own(backend: Aged) -> None:
    """The backend hears the prefix, and of pending objects those of the part alone are found."""
    backend.put(f"tenant/{PENDING[2]}", timedelta(days=2))
    store, other = (AssetStore(backend).scoped(prefix) for prefix in ("tenant/", "other/"))
    assert ["tenant/a", f"tenant/{PENDING[2]}"] == [item.name for item in store.collect(remove=True).items]
    assert () == other.collect(remove=True).items
    assert (True, False) == (AssetStore(backend).exists(PENDING[0]), store.exists(PENDING[2]))


def test_errors_are_named_by_key_and_store(backend: Aged) -> None:
    """What could not be removed says why; the others are removed all the same."""
    backend.put(PENDING[2], timedelta(days=2))
    spy = FaultyBackend(backend, Raise(op="delete", error=UnavailableError("busy")))
    failed = [item for item in AssetStore(("dev", spy)).collect(remove=True).items if item.error is not None]
    named = [(item.removed, item.error.op, item.error.key, item.error.store) for item in failed if item.error is not None]
    assert [(False, "collect", key, "dev") for key in ("tenant/a", PENDING[0], PENDING[2])] == named


def test_collecting_is_one_event(backend: Aged) -> None:
    """An observer hears of one operation, whatever was removed."""
    observer = RecordingObserver()
    AssetStore(backend, plugins=[observer]).collect(remove=True)
    assert [("collect", "ok")] == [(event.op, event.outcome) for event in observer.events]


def test_what_the_backend_cannot_honour_is_refused_before_anything_is_removed(backend: Aged) -> None:
    """Without ``collect.repair`` in ``supports`` a repair is refused, and so is a prefix where it is not honoured."""
    with pytest.raises(UnsupportedError, match="collect with repair"):
        AssetStore(backend).collect(remove=True, repair=True)
    spy = FaultyBackend(backend)
    spy.supports -= {"collect.prefix"}
    with pytest.raises(UnsupportedError, match="collect with prefix"):
        AssetStore(spy).scoped("tenant/").collect(remove=True)
    assert AssetStore(backend).exists(PENDING[0])


@pytest.mark.parametrize("seconds", [LEFTOVER_AGE, LEFTOVER_AGE + 1])
def test_what_is_as_old_as_the_age_is_not_old_enough(seconds: int) -> None:
    """The age must be exceeded, by the clock that the times are from; what has no time is never old."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    old = CollectOptions().are_met(now - timedelta(seconds=seconds), now)
    assert (seconds > LEFTOVER_AGE, False) == (old, CollectOptions().are_met(None, now))
