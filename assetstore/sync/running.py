"""Does what a plan says: sends, fixes and renames; then what is to come last; then deletes, if all before went well."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.folder import path_below
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.content.atomic_file import replacing
from assetstore.errors import (
    AlreadyExistsError,
    AssetStoreError,
    NoSpaceError,
    NotFoundError,
    PreconditionError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from assetstore.options import CopyOptions, Progress
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.contents import MTIME
from assetstore.sync.decisions import METADATA, Decider, differing
from assetstore.sync.deletions import Ends, deleted
from assetstore.sync.folder_index import TICK_NS, kept_etag, written
from assetstore.sync.options import (
    CHANGED,
    DELETED,
    HEADERS_FIXED,
    KEPT,
    NEW,
    RENAMED,
    Action,
    Failure,
    Kind,
    SyncOptions,
)
from assetstore.sync.outages import MEANWHILE, MOST, Patience, concerns_all
from assetstore.sync.sides import FileInfo, FolderSide, Side, Stamp, StoreSide, stamp_of
from assetstore.sync.spool import Spool, Step
from assetstore.sync.transfer import carried, copy_over, unequal, with_mtime

T = TypeVar("T")

Done: TypeAlias = Callable[[Action, Exception | None], object]

ATTEMPTS = 5
"""How often a file is sent that changes each time meanwhile."""
_SMALL = 1 << 20
_IN_MEMORY = 256 << 10
"""Bytes up to which an asset is read whole before it is written to another store."""
_GROUP = 10_000
"""So many steps are taken at once, to do the small ones first."""


@attrs.define(eq=False)
class Run:
    """The doing of one plan.

    Attributes:
        source: the source.
        destination: the destination.
        options: what was asked for.
        spool: has the steps.
        decider: says which headers an asset gets.
        done: is called with each action.
        progress: is called with numbers of bytes.
        failed: how many things failed, before and now.
        errors: the first of them.
        counts: how many actions of each kind were done.
        bytes: how many bytes were sent.
        withheld: how many steps were not tried, because something before them failed.
        stopped: what ended it early.
        slowed: whether a store asked for fewer requests, or could not be reached.
    """

    source: Side
    destination: Side
    options: SyncOptions
    spool: Spool
    decider: Decider
    done: Done | None
    progress: Progress | None
    failed: int
    errors: list[Failure]
    counts: Counter[Kind] = attrs.field(factory=Counter)
    bytes: int = 0
    withheld: int = 0
    stopped: AssetStoreError | None = None
    slowed: bool = False
    _attempts: Counter[str] = attrs.field(factory=Counter)
    _sent: dict[str, Step] = attrs.field(factory=dict)

    def run(self) -> None:
        """Do it."""
        for late in (False, True):
            for do, kinds in ((self._at_destination, (HEADERS_FIXED, RENAMED)), (self._transfer, (NEW, CHANGED))):
                self._do(do, kinds, late=late)
        self._do(lambda steps: deleted(self.destination, steps), (DELETED,), late=None)

    def pretend(self) -> None:
        """Tell what would be done."""
        written = (NEW, CHANGED, HEADERS_FIXED, RENAMED)
        order: tuple[tuple[tuple[Kind, ...], bool | None], ...] = ((written, False), (written, True), ((DELETED,), None))
        for kinds, late in order:
            if self._must_wait(late):
                self.withheld += self.spool.left(*kinds, late=late)
                continue
            for step in self.spool.steps(*kinds, late=late):
                self._count(step, step.action.size)

    def _must_wait(self, late: bool | None) -> bool:
        """Return whether something failed: then nothing comes last, and nothing is deleted."""
        return late is not False and self.failed > 0

    def _do(self, do: Callable[[Iterator[Step]], Ends], kinds: tuple[Kind, ...], *, late: bool | None) -> None:
        """Do the steps of these kinds, and again those that a store in distress or a file at work made fail."""
        patience = Patience()
        while left := self.spool.left(*kinds, late=late):
            if self.stopped or self._must_wait(late):
                self.withheld += left
                return
            unreachable, is_over = self._round(do(self.spool.steps(*kinds, late=late)), patience)
            if not unreachable:
                continue
            self.slowed = True
            error = unreachable[-1][1]
            if not patience.wait(error.retry_after):
                if is_over:
                    self.stopped = error
                    continue
                for step, last in unreachable:
                    self._fail(step.action, last)

    def _round(self, ends: Ends, patience: Patience) -> tuple[list[tuple[Step, UnavailableError]], bool]:
        """Take the ends of steps; return those that are to be tried again, and whether the store cannot be reached."""
        unreachable: list[tuple[Step, UnavailableError]] = []
        in_row = 0
        with contextlib.closing(ends):
            for step, info, error in ends:
                in_row = in_row + 1 if isinstance(error, UnavailableError) else 0
                if isinstance(error, UnavailableError):
                    unreachable.append((step, error))
                    if in_row >= MOST:
                        return unreachable, True
                    continue
                if step.action.kind == RENAMED and isinstance(error, NotFoundError | PreconditionError):
                    # What it would copy is gone or changed, so the bytes are sent.
                    action = attrs.evolve(step.action, kind=NEW, origin=None)
                    unbound: dict[str, Any] = {"etag": None, "written": None}
                    if isinstance(self.destination, FolderSide):
                        unbound |= {"path": "", "stamp": None}
                    self.spool.replace(attrs.evolve(step, action=action, **unbound))
                    continue
                error = self._settled(step, info, error)
                if error is None:
                    patience.renew()
                elif isinstance(error, NoSpaceError) or concerns_all(error):
                    assert isinstance(error, AssetStoreError)
                    self.stopped = error
                    return [], False
                elif not self._is_tried_again(step, error):
                    self._fail(step.action, error)
        return unreachable, False

    def _settled(self, step: Step, info: AssetInfo | None, error: Exception | None) -> Exception | None:
        """Take what became of a step; return the error if it failed after all."""
        is_written = step.action.kind in (NEW, CHANGED, RENAMED)
        if is_written and isinstance(error, AlreadyExistsError | PreconditionError | UnknownOutcomeError):
            with contextlib.suppress(AssetStoreError, OSError):
                if self._is_there(step):
                    info, error = None, None  # another sync was first, or the answer alone was lost
        if error is None and info is not None and step.action.kind in (NEW, CHANGED):
            error = self._keep_digest(step, info)
        if error is None:
            self._count(step, step.action.size if info is None else info.size)
        return error

    def _count(self, step: Step, size: int) -> None:
        self.spool.finish(step.action.key)
        self.counts[step.action.kind] += 1
        if step.action.kind in (NEW, CHANGED):
            self.bytes += size
        if self.done is not None:
            self.done(step.action, None)

    def _fail(self, action: Action, error: Exception) -> None:
        self.spool.finish(action.key)
        self.failed += 1
        if isinstance(error, AssetStoreError):
            error.key = error.key or action.key
        if len(self.errors) < KEPT:
            self.errors.append(Failure(key=action.key, error=error, action=action))
        if self.done is not None:
            self.done(action, error)

    def _is_tried_again(self, step: Step, error: Exception) -> bool:
        """Return whether a file changed while it was sent, or nobody knows whether it arrived."""
        is_changed = isinstance(error, SourceError) and self._stamp(step) not in (None, step.stamp)
        if not is_changed and not isinstance(error, UnknownOutcomeError):
            return False
        self._attempts[step.action.key] += 1
        return self._attempts[step.action.key] < ATTEMPTS

    def _stamp(self, step: Step) -> Any:
        if not isinstance(self.source, FolderSide):
            return None
        try:
            return stamp_of(os.stat(os.path.join(self.source.folder, step.path)))
        except OSError:
            return None

    def _is_there(self, step: Step) -> bool:
        """Return whether the destination has what was to be written."""
        one, other = (_now(side, step) for side in (self.source, self.destination))
        return one.size == other.size and self.decider.look(one, other).kind != CHANGED

    def _transfer(self, steps: Iterator[Step]) -> Ends:
        """Send the bytes of assets, by the way that both sides have in common."""
        if isinstance(self.source, FolderSide):
            return self._upload(self.source, self.destination, steps)
        if isinstance(self.destination, FolderSide):
            return self._download(self.source, self.destination, steps)
        assert isinstance(self.source, StoreSide)
        assert isinstance(self.destination, StoreSide)
        return self._between(self.source.store, self.destination.store, steps)

    def _between(self, source: AssetStore, destination: AssetStore, steps: Iterator[Step]) -> Ends:
        """Copy assets, small ones by ``upload_many``, which may write several together."""
        if destination._copies_from(source, CopyOptions()) is not None:  # noqa: SLF001 - only stores know their places
            yield from self._alone(steps)
            return
        while group := list(itertools.islice(steps, _GROUP)):
            left = {step.action.key: step for step in group}
            yield from self._small(source, destination, left)
            yield from self._alone(iter(left.values()))

    def _alone(self, steps: Iterator[Step]) -> Ends:
        running = Running()
        return self._each(steps, functools.partial(self._copy, running.reporting(self.progress)), running)

    def _small(self, source: AssetStore, destination: AssetStore, left: dict[str, Step]) -> Ends:
        """Copy the small ones, and take what ended out of ``left``; the others are to be copied alone."""
        infos: dict[str, AssetInfo] = {}

        def items() -> Iterator[tuple[bytes, str, dict[str, Any]]]:
            small = [step for step in left.values() if step.action.size <= _IN_MEMORY]
            read = functools.partial(_read, source)
            with self._many(iter(small), read, lambda found: found[0].size, Running()) as results:
                for result in results:
                    if isinstance(result.error, UnavailableError):
                        return  # who copies alone notices an outage
                    if result.value is not None and (data := result.value[1]) is not None:
                        info = infos[result.item.action.key] = result.value[0]
                        yield data, info.key, carried(info, times=self.options.times) | self._keywords(result.item)

        with destination.upload_many(
            items(), max_concurrency=self.options.max_concurrency, progress=self.progress
        ) as results:
            for result in results:
                key, stored = result.item[1], result.value
                info = infos.pop(key)
                yield left.pop(key), stored, result.error if stored is None else unequal(info, stored, source)

    def _upload(self, source: FolderSide, destination: Side, steps: Iterator[Step]) -> Ends:
        assert isinstance(destination, StoreSide)

        def items() -> Iterator[tuple[str, str, dict[str, Any]]]:
            for step in steps:
                # What is sent may be newer than what was walked; a small file is rather sent again than looked at each time.
                if step.action.size > _SMALL or step.action.key in self._attempts:
                    step = attrs.evolve(step, stamp=self._stamp(step) or step.stamp)
                if step.stamp is not None:
                    let_tick(step.stamp)
                self._sent[step.action.key] = step
                yield os.path.join(source.folder, step.path), step.action.key, self._keywords(step)

        with destination.store.upload_many(
            items(), max_concurrency=self.options.max_concurrency, progress=self.progress, resume=True
        ) as results:
            for result in results:
                yield self._sent.pop(result.item[1]), result.value, result.error

    def _download(self, source: Side, destination: FolderSide, steps: Iterator[Step]) -> Ends:
        assert isinstance(source, StoreSide)

        touched: list[Step] = []

        def items() -> Iterator[tuple[str, str]]:
            for step in steps:
                path = step.path or destination.spelled(step.action.key)
                if not _is_as_walked(destination.folder / path, step):
                    touched.append(step)
                    continue
                self._sent[step.action.key] = attrs.evolve(step, path=path)
                yield step.action.key, path

        with source.store.download_many(
            items(), destination.folder, max_concurrency=self.options.max_concurrency, progress=self.progress, resume=True
        ) as results:
            for result in results:
                yield self._sent.pop(result.item[0]), result.value, result.error
        for step in touched:
            yield step, None, PreconditionError(MEANWHILE, hint="run the sync again")

    def _each(self, steps: Iterator[Step], do: Callable[[Step], AssetInfo], running: Running) -> Ends:
        with self._many(steps, do, lambda info: info.size, running) as results:
            for result in results:
                yield result.item, result.value, result.error

    def _many(
        self, steps: Iterator[Step], do: Callable[[Step], T], size: Callable[[T], int], running: Running
    ) -> BulkResults[T]:
        return BulkResults(
            "sync",
            steps,
            lambda step: Task(step.action.key, functools.partial(do, step)),
            running=running,
            ordered=False,
            concurrency=Concurrency(self.options.max_concurrency),
            size=size,
        )

    def _keywords(self, step: Step) -> dict[str, Any]:
        """Return the keywords of an upload: headers by rules, the time where asked, and which version it may replace."""
        assert isinstance(self.destination, StoreSide)
        store = self.destination.store
        keywords = self.decider.wanted(None, step.action.key) if self.options.headers else {}
        if isinstance(self.source, FolderSide) and (seconds := self._time(step, None)):
            keywords[METADATA] = {**keywords.get(METADATA, {}), MTIME: seconds}
        if step.etag is not None and store.can("upload.if_match"):
            keywords["if_match"] = step.etag
        elif step.action.kind == NEW and step.etag is None and store.can("upload.overwrite"):
            keywords["overwrite"] = False
        return keywords

    def _copy(self, progress: Progress, step: Step) -> AssetInfo:
        assert isinstance(self.source, StoreSide)
        assert isinstance(self.destination, StoreSide)
        key, keywords = step.action.key, self._keywords(step)
        if not keywords.keys() - {"overwrite", "if_match"}:
            return copy_over(
                self.source.store,
                key,
                self.destination.store,
                overwrite=keywords.get("overwrite", True),
                replaces=keywords.get("if_match"),
                times=self.options.times,
                resume=True,
                progress=progress,
            )
        with self.source.store.open(key) as reader:
            headers = {**carried(reader.info, times=self.options.times), **keywords}
            return self.destination.store.upload(reader, key, **headers, progress=progress, resume=True)

    def _at_destination(self, steps: Iterator[Step]) -> Ends:
        """Set headers, and copy what is renamed, without sending bytes."""
        return self._each(steps, self._fix if isinstance(self.destination, StoreSide) else self._copy_file, Running())

    def _fix(self, step: Step) -> AssetInfo:
        assert isinstance(self.destination, StoreSide)
        store, key = self.destination.store, step.action.key
        if step.action.kind == HEADERS_FIXED:
            guard = {"if_match": step.etag} if store.can("update.if_match") and step.etag is not None else {}
            return store.update(key, **(step.headers or {}), **guard)  # type: ignore[arg-type]  # headers by their names
        assert step.action.origin is not None
        info = self._copied(store, step.action.origin, step)
        head = self.source.store.stat(key) if isinstance(self.source, StoreSide) else None
        wanted = self.decider.wanted(head, key)
        seconds = self._time(step, head)
        there = store.stat(key) if wanted or seconds else info
        headers = differing(wanted, there)
        if seconds and (there.metadata or {}).get(MTIME) != seconds:
            headers[METADATA] = {**headers.get(METADATA, there.metadata or {}), MTIME: seconds}
        return store.update(key, **headers) if headers else info

    def _time(self, step: Step, head: AssetInfo | None) -> str | None:
        """Return the time of the source for the metadata, where it is asked for; ``head`` is what a source store has."""
        if not self.options.times:
            return None
        if head is not None:
            return with_mtime(head).get(MTIME)
        return None if step.stamp is None else _in_seconds(step.stamp[1])

    def _copied(self, store: AssetStore, origin: str, step: Step) -> AssetInfo:
        overwrite = {"overwrite": False} if store.can("copy.overwrite") else {}
        if_match = step.etag if store.can("copy.if_match") else None
        try:
            return store.copy(origin, step.action.key, if_match=if_match, **overwrite)
        except AlreadyExistsError:
            if not self._is_there(step):
                raise
            return store.stat(step.action.key)  # by an earlier try, whose headers were not set, or by another sync

    def _copy_file(self, step: Step) -> AssetInfo:
        assert isinstance(self.destination, FolderSide)
        assert step.action.origin is not None
        origin = self.destination.folder / step.path
        target = path_below(self.destination.folder, self.destination.spelled(step.action.key))
        with replacing(target, overwrite=False) as temporary:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(origin, temporary)
            if not _is_as_walked(origin, step):
                raise PreconditionError(MEANWHILE, hint="run the sync again")
        info = AssetInfo(key=step.action.key, size=step.action.size)
        if step.modified is not None:
            os.utime(target, (step.modified, step.modified))
        return info

    def _keep_digest(self, step: Step, info: AssetInfo) -> Exception | None:
        """Remember the digest of a file that was sent or fetched; return an error if the file changed while it was sent."""
        if isinstance(self.source, FolderSide):
            if self._stamp(step) != step.stamp:
                # What the next attempt replaces is our own.
                self.spool.replace(attrs.evolve(step, etag=info.etag))
                return SourceError("the file changed while it was sent", hint="run the sync again")
            stamp = step.stamp
        elif isinstance(self.destination, FolderSide):
            path = self.destination.folder / step.path
            try:
                _set_time(path, step, info)
                stamp = stamp_of(os.stat(path))
            except OSError as error:
                return error
        else:
            return None
        if stamp is not None:
            self.spool.note_file((step.action.key, written(stamp), info.digest or "", kept_etag(info.etag)))
        return None


def _read(store: AssetStore, step: Step) -> tuple[AssetInfo, bytes | None]:
    """Return an asset with its bytes, without them if it has grown since it was listed."""
    with store.open(step.action.key) as reader:
        return reader.info, reader.read() if reader.info.size <= _IN_MEMORY else None


def _now(side: Side, step: Step) -> AssetInfo:
    """Return what a side has now of the key of a step."""
    if isinstance(side, StoreSide):
        return side.store.stat(step.action.key)
    assert isinstance(side, FolderSide)
    path = step.path or side.spelled(step.action.key)
    found = os.lstat(side.folder / path)
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    return FileInfo(key=step.action.key, size=found.st_size, last_modified=modified, stamp=stamp_of(found), path=path)


def _is_as_walked(path: Path, step: Step) -> bool:
    """Return whether a file of the destination is still what was walked; without a stamp, that there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return step.stamp is None
    # A folder in the way is no file that somebody wrote; whoever writes the file says what is wrong.
    return stamp_of(found) == step.stamp or (step.stamp is None and stat.S_ISDIR(found.st_mode))


def let_tick(
    stamp: Stamp, *, now: Callable[[], int] = time.time_ns, sleep: Callable[[float], object] = time.sleep
) -> None:
    """Wait until a change of the file would show in its times, whose clock may stand still for some milliseconds."""
    end = max(stamp[1], stamp[2]) + TICK_NS
    while 0 < (left := end - now()) <= TICK_NS:
        sleep(left / 1e9)


def _in_seconds(nanoseconds: int) -> str:
    """Return a time as the metadata keeps it; of one before 1970 the parts of a second count backwards too."""
    whole, parts = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{parts:09d}"


def _set_time(path: Path, step: Step, info: AssetInfo) -> None:
    """Give a fetched file the time that its asset keeps, or when that was written, so that it seems unchanged."""
    text = (info.metadata or {}).get(MTIME)
    seconds = step.modified
    if text is not None:
        with contextlib.suppress(ValueError, OverflowError, OSError):
            datetime.fromtimestamp(float(text), UTC)  # no file keeps a time that is none, or lies beyond all years
            seconds = float(text)
    elif info.last_modified is not None and (seconds is None or info.last_modified.timestamp() >= seconds + 1):
        seconds = info.last_modified.timestamp()
    if seconds is not None:
        with contextlib.suppress(OverflowError):
            os.utime(path, (seconds, seconds))
