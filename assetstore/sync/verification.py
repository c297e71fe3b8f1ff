"""``verify``: reads every asset of a store once and compares the bytes with the digest that the store keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.content.digests import Verifier
from assetstore.errors import IntegrityError, InvalidKeyError, InvalidOptionError, NotFoundError
from assetstore.limits import PAGE
from assetstore.options import Progress
from assetstore.results import AssetInfo, BulkResult
from assetstore.store import AssetStore
from assetstore.sync.compare import marks_itself
from assetstore.sync.outages import Outages, concerns_all, named, reason
from assetstore.sync.sides import Side, StoreSide, open_side
from assetstore.sync.verify_file import STATES, Verified, VerifyFile, VerifyState


@attrs.frozen(kw_only=True)
class VerifyReport:
    """What ``verify`` found, with the runs that it went on with.

    Attributes:
        store: the name of the store.
        ok: assets whose bytes match their digest.
        damaged: assets whose bytes do not, read twice.
        no_digest: assets that were read whole, and have no digest to compare.
        unreadable: assets that could not be read.
        size: the bytes of all of them.
        resumed_after: the last key of the run that was gone on with; ``None`` for a new one.
    """

    store: str
    ok: int
    damaged: int
    no_digest: int
    unreadable: int
    size: int
    resumed_after: str | None

    @property
    def sound(self) -> bool:
        """Whether every asset was read and matches its digest."""
        return not (self.damaged or self.unreadable or self.no_digest)


@attrs.frozen(kw_only=True)
class VerifyCost:
    """What ``verify`` would read.

    Attributes:
        store: the name of the store.
        assets: how many.
        size: their bytes.
        pages: the requests for the listing; each asset takes one more.
        resumed_after: the last key of the run that it would go on with, or ``None``.
    """

    store: str
    assets: int
    size: int
    pages: int
    resumed_after: str | None


def verify(
    store: str | AssetStore | Side,
    *,
    report: str | Path | None = None,
    max_concurrency: int | None = None,
    found: Callable[[Verified], object] | None = None,
    progress: Callable[[int], object] | None = None,
) -> VerifyReport:
    """Read every asset once, many at a time, and compare its bytes with its stored digest. Nothing in the store is changed.

    Args:
        store: a store, or the address of one or of a folder of keys in it.
        report: a file for a line about each asset, in the order of keys: CSV, or JSON lines for a name that ends in
            ``.json`` or ``.jsonl``. Until all is read it has ``.part`` behind its name; the next call with this file goes on
            behind its last line, even if the process was killed.
        max_concurrency: the most assets to read at once, from 1 to 1,024.
        found: called with each asset that is not ok, in the order of keys.
        progress: called with the number of bytes read since its last call; never twice at once.

    Raises:
        NotFoundError: the store is missing, or has no asset.
        InvalidOptionError: ``store`` is a folder of plain files, or the report is of another store.
        UnavailableError: the store cannot be reached any longer; a report goes on from there.
    """
    with named("verify"), contextlib.ExitStack() as exits:
        side = _store_side(store, exits)
        file = None if report is None else exits.enter_context(VerifyFile(Path(report), side.name))
        run = _Verification(side, file, found, progress)
        run.run(max_concurrency)
        return run.report()


def verify_cost(store: str | AssetStore | Side, *, report: str | Path | None = None) -> VerifyCost:
    """Return what ``verify`` with the same arguments would read, by the listing alone.

    Raises:
        NotFoundError: the store is missing.
        InvalidOptionError: ``store`` is a folder of plain files, or the report is of another store.
    """
    with named("verify"), contextlib.ExitStack() as exits:
        side = _store_side(store, exits)
        file = None if report is None else VerifyFile(Path(report), side.name)
        last = None if file is None else file.look()
        assets = size = 0
        for info in _listed(side.store, last):
            assets, size = assets + 1, size + info.size
        return VerifyCost(store=side.name, assets=assets, size=size, pages=assets // PAGE + 1, resumed_after=last)


def _listed(store: AssetStore, last: str | None) -> Iterator[AssetInfo]:
    return (info for info in store.list(start_after=last) if not marks_itself(info))


def _store_side(given: str | AssetStore | Side, exits: contextlib.ExitStack) -> StoreSide:
    side = open_side(given, exits)
    if not isinstance(side, StoreSide):
        hint = f"name it as a store, for example 'file:{side.name}'"
        raise InvalidOptionError(f"{side.name!r} is a folder of plain files, which have no stored digests", hint=hint)
    return side


@attrs.define(eq=False)
class _Verification:
    side: StoreSide
    file: VerifyFile | None
    found: Callable[[Verified], object] | None
    progress: Callable[[int], object] | None
    counts: dict[VerifyState, int] = attrs.field(factory=lambda: dict.fromkeys(STATES, 0))
    size: int = 0

    def run(self, max_concurrency: int | None) -> None:
        """Read all, and note the results in the order of keys."""
        last = None if self.file is None else self.file.last
        outages, waiting, running = Outages(), list[Verified](), Running()
        progress = running.reporting(self.progress)
        with BulkResults(
            "verify",
            _listed(self.side.store, last),
            lambda info: Task(info.key, lambda: self._read(info, progress)),
            running=running,
            ordered=True,
            concurrency=Concurrency(max_concurrency),
            size=lambda verified: verified.size,
        ) as results:
            for result in results:
                # Until the next success nobody knows whether an asset or the store cannot be read.
                outages.note(result.error)
                waiting += self._verified(result)
                if not outages.count:
                    self._note(waiting)
                    waiting.clear()
        self._note(waiting)
        if last is None and not any(self.counts.values()):
            hint = "correct the address; a whole store is written NAME:"
            raise NotFoundError(f"{self.side.name!r} has no asset to verify", hint=hint)
        if self.file is not None:
            self.file.finish()

    def report(self) -> VerifyReport:
        """Return what was found, in this run and in those before that it went on with."""
        earlier = self.file.counts if self.file is not None else dict.fromkeys(STATES, 0)
        return VerifyReport(
            store=self.side.name,
            ok=self.counts["ok"] + earlier["ok"],
            damaged=self.counts["damaged"] + earlier["damaged"],
            no_digest=self.counts["no_digest"] + earlier["no_digest"],
            unreadable=self.counts["unreadable"] + earlier["unreadable"],
            size=self.size + (self.file.size if self.file is not None else 0),
            resumed_after=None if self.file is None else self.file.last,
        )

    def _read(self, info: AssetInfo, progress: Progress) -> Verified:
        if not info.valid:
            raise InvalidKeyError("the key is foreign and cannot be read", hint="rename the asset at its source")
        try:
            return self._read_once(info, progress)
        except IntegrityError:
            pass  # the connection may have failed, and not the disk
        try:
            return self._read_once(info, progress)
        except IntegrityError as error:
            return _of(info, "damaged", error.message)

    def _read_once(self, info: AssetInfo, progress: Progress) -> Verified:
        with self.side.store.open(info.key) as reader:
            for piece in reader.chunks():
                progress(len(piece))
            return _of(reader.info, "ok" if Verifier(reader.info.digest).knows else "no_digest")

    def _verified(self, result: BulkResult[Verified]) -> Iterator[Verified]:
        """Yield what is to be noted of a result: nothing of an asset that was deleted meanwhile."""
        if concerns_all(result.error):
            result.result()
        if result.value is not None:
            yield result.value
        elif result.error is not None and not isinstance(result.error, NotFoundError):
            yield _of(result.item, "unreadable", reason(result.error))

    def _note(self, verified: list[Verified]) -> None:
        for each in verified:
            self.counts[each.state] += 1
            self.size += each.size
            if self.file is not None:
                self.file.write(each)
            if self.found is not None and each.state != "ok":
                self.found(each)


def _of(info: AssetInfo, state: VerifyState, error: str = "") -> Verified:
    return Verified(key=info.key, state=state, size=info.size, etag=info.etag, digest=info.digest, error=error)
