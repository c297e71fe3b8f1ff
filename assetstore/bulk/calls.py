"""The calls about many assets: says what each item means, and runs the single operation for it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.folder import path_below
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.repeats import Repeats
from assetstore.bulk.running import Running
from assetstore.bulk.uploads import JointUploads, Upload
from assetstore.bulk.work import Task, Together
from assetstore.errors import AssetStoreError, InvalidKeyError, InvalidOptionError
from assetstore.keys import Scope
from assetstore.operation import Operation
from assetstore.options import Progress, UploadKeywords, require_progress
from assetstore.results import AssetInfo

if TYPE_CHECKING:
    from assetstore.store import AssetStore

T = TypeVar("T")

_KEYWORDS = UploadKeywords.__annotations__.keys() | {"category", "filename", "resume"}


@attrs.frozen(eq=False, kw_only=True)
class Call:
    """One call about many assets.

    Attributes:
        store: the store whose operations run.
        scope: translates keys, so that two spellings of one are found.
        begin: starts the operation of one key.
        op: the name of the single operation.
        items: any number of items.
        ordered: whether results come in the order of the items.
        concurrency: how many operations run at once.
    """

    store: AssetStore
    scope: Scope
    begin: Callable[[str, str | None], Operation]
    op: str
    items: Iterable[Any]
    ordered: bool
    concurrency: Concurrency
    _repeats: Repeats = attrs.field(init=False, factory=Repeats)
    _running: Running = attrs.field(init=False, factory=Running)

    def upload(
        self, keywords: dict[str, Any], progress: Progress | None, joint: JointUploads | None
    ) -> BulkResults[AssetInfo]:
        """Upload the items, several by one call where ``joint`` can."""
        report = self.report(progress)

        def plan(item: Any) -> Task[AssetInfo]:
            source, key, own = _upload_item(item)
            if key is not None:
                self._claim([key])
            upload = Upload(self.store.upload, source, key, {**keywords, **own} if own else keywords, report)
            held = len(source) if isinstance(source, bytes | bytearray) else 0
            # What can be read only once must not be touched before it is known who reads it.
            joins = joint is not None and key is not None and isinstance(source, str | PathLike | bytes | bytearray)
            return Task(key, upload, held, joins)

        def together(tasks: Sequence[Task[AssetInfo]], most: int) -> list[AssetInfo | Exception | None] | None:
            assert joint is not None
            return joint.upload([task.call for task in tasks if isinstance(task.call, Upload)], most)

        return self._results(plan, _size_of_info, None if joint is None else together)

    def download(self, folder: Path, fetch: Callable[[str, Callable[[], Path]], AssetInfo]) -> BulkResults[AssetInfo]:
        """Write each asset to its file below the folder."""

        def plan(item: Any) -> Task[AssetInfo]:
            key, relative = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
            key = _key(key)
            relative = key if relative is None else relative
            if not isinstance(relative, str):
                problem = f"each item must be a key, or a pair of a key and a path, got {type(relative).__name__}"
                raise InvalidOptionError(problem, hint="write it as 'maps/a.webp' or ('maps/a.webp', 'a.webp')")
            if self._repeats.claim([relative]):
                raise InvalidKeyError("an earlier item of the call has this file", hint="give each file once", key=key)
            return Task(key, functools.partial(fetch, key, functools.partial(path_below, folder, relative)))

        return self._results(plan, _size_of_info)

    def each(self, run: Callable[[str], T], size: Callable[[T], int]) -> BulkResults[T]:
        """Run an operation that takes a key."""

        def plan(item: Any) -> Task[T]:
            key = _key(item)
            self._claim([key])
            return Task(key, functools.partial(run, key))

        return self._results(plan, size)

    def pairs(self, run: Callable[[str, str], AssetInfo], *, removes: bool) -> BulkResults[AssetInfo]:
        """Run an operation that takes a source and a destination, and may remove the source."""

        def plan(item: Any) -> Task[AssetInfo]:
            if not isinstance(item, tuple | list) or len(item) != 2:
                problem = f"each item must be a pair of a source and a destination, got {type(item).__name__}"
                raise InvalidOptionError(problem, hint="write it as ('maps/a.webp', 'old/a.webp')")
            source, destination = item
            self._claim([destination, source] if removes else [destination], [] if removes else [source])
            return Task(destination, functools.partial(run, source, destination))

        return self._results(plan, _no_size)

    def report(self, progress: Progress | None) -> Progress:
        """Return what is called for progress."""
        require_progress(progress)
        return self._running.reporting(progress)

    def _results(
        self,
        plan: Callable[[Any], Task[T]],
        size: Callable[[T], int],
        together: Together[T] | None = None,
    ) -> BulkResults[T]:
        def checked(item: Any) -> Task[T]:
            try:
                return plan(item)
            except AssetStoreError as error:
                return Task(error.key, functools.partial(self._refuse, error.key, error))

        return BulkResults(
            f"{self.op}_many",
            self.items,
            checked,
            running=self._running,
            ordered=self.ordered,
            concurrency=self.concurrency,
            size=size,
            together=together,
        )

    def _claim(self, written: Sequence[str], read: Sequence[str] = ()) -> None:
        try:
            names = list(map(self.scope.inward, written)), list(map(self.scope.inward, read))
        except InvalidKeyError:
            return  # the operation itself refuses a key that is not valid
        if self._repeats.claim(*names):
            key = written[0]
            raise InvalidKeyError("an earlier item of the call has this key", hint="give each key once in a call", key=key)

    def _refuse(self, key: str | None, error: AssetStoreError) -> NoReturn:
        """Fail as an operation does, with an event."""
        with self.begin(self.op, key) as operation:
            with contextlib.suppress(InvalidKeyError):
                operation.locate(self.scope)
            raise error


def _upload_item(item: Any) -> tuple[Any, str | None, dict[str, Any]]:
    """Return source, key and keywords of an item of ``upload_many``."""
    if not isinstance(item, tuple):
        return item, None, {}
    source, key, keywords = item if len(item) == 3 else (*item, {}) if len(item) == 2 else (None, None, None)
    if not isinstance(keywords, dict) or not keywords.keys() <= _KEYWORDS:
        problem = "an item that is a tuple must be (source, key) or (source, key, options of upload)"
        named = key if isinstance(key, str) else None
        hint = "write it as ('keep.webp', 'maps/keep.webp', {'metadata': {'by': 'gm'}})"
        raise InvalidOptionError(problem, key=named, hint=hint)
    return source, key, keywords


def _key(item: Any) -> Any:
    return item.key if isinstance(item, AssetInfo) else item


def _size_of_info(info: AssetInfo) -> int:
    return info.size


def _no_size(_: object) -> int:
    return 0
