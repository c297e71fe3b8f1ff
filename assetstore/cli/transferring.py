"""Copies and moves between stores, and between a store and plain files."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from assetstore.bulk.concurrency import Concurrency
from assetstore.bulk.folder import path_below
from assetstore.bulk.pool import BulkResults
from assetstore.bulk.running import Running
from assetstore.bulk.work import Task
from assetstore.cli.selection import Selector
from assetstore.cli.session import PAST, Session, where
from assetstore.cli.targets import refuse_chains, refuse_meetings
from assetstore.cli.text import as_record, readable_size, shown
from assetstore.cli.uploading import Items
from assetstore.config import find_store
from assetstore.errors import (
    AlreadyExistsError,
    ConfigError,
    InvalidOptionError,
    SourceError,
    UnknownOutcomeError,
)
from assetstore.options import Progress
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.address import Address
from assetstore.sync.transfer import copy_between, delete_moved, is_file_of, move_between, refuse_itself

FOLDER_TYPE = "application/x-directory"


@attrs.frozen(eq=False)
class Location:
    """A store or a folder of files, with how keys in it are written for people.

    Attributes:
        store: the store; ``None`` for files.
        name: what stands before a key, for example ``dev:``.
    """

    store: AssetStore | None
    name: str

    @property
    def where(self) -> str:
        """The location for closing lines."""
        return shown(self.name) if self.store is None else where(self.store)


FILES = Location(None, "")


class Locations:
    """Opens each location that addresses name, once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened: dict[tuple[str, str], Location] = {}

    def of(self, address: Address) -> Location:
        """Return the location of an address."""
        if address.path is not None:
            return FILES
        try:
            found = find_store(address.store or self._session.store_name)
        except ConfigError as error:
            error.op = error.op or "open"
            raise
        known = found.name, str(found.table.get("url"))
        if known not in self._opened:
            name = str(attrs.evolve(address, store=found.name, key=""))
            store = self._session.open(address.store)
            self._opened[known] = Location(store, name if name.endswith(":") else f"{name}#")
        return self._opened[known]


@attrs.frozen(eq=False)
class Item:
    """One asset or file to transfer.

    Attributes:
        location: where it is.
        key: its key or path there.
        target: its key or path at the destination.
        size: its bytes, if they are known.
        is_folder: whether it marks a folder.
    """

    location: Location
    key: str
    target: str
    size: int | None
    is_folder: bool = False

    @property
    def name(self) -> str:
        """How messages name it."""
        return f"{self.location.name}{self.key}"


@attrs.frozen(kw_only=True, eq=False)
class Transfers:
    """The transfers of one command.

    Attributes:
        op: ``copy`` or ``move``.
        destination: where to.
        overwrite: whether what is there may be replaced.
        max_concurrency: how many at once at most, or ``None``.
        dry_run: whether to report only what would be done.
    """

    session: Session
    op: str
    destination: Location
    overwrite: bool
    max_concurrency: int | None
    dry_run: bool

    def run(self, items: Sequence[Item]) -> None:
        """Transfer the items, many at once, and report each in order."""
        bar = self.session.bar
        assert bar is not None
        do = self._would if self.dry_run else self._do
        with BulkResults(
            self.op,
            items,
            lambda item: Task(item.key, functools.partial(do, item, bar.advance)),
            running=Running(),
            ordered=True,
            concurrency=Concurrency(self.max_concurrency),
            size=lambda info: info.size,
        ) as results:
            for result in results:
                item = result.item
                bar.label = shown(item.key)
                what = f"{self.op} {shown(item.name)} to {shown(self.destination.name + item.target)}"
                with self.session.item(self.op, item.key, what=what):
                    self._report(item, result.result())

    def _do(self, item: Item, progress: Progress) -> AssetInfo:
        source, destination = item.location.store, self.destination.store
        if item.is_folder:
            return self._mark(item)
        options: dict[str, Any] = {"overwrite": self.overwrite, "progress": progress, "resume": self.session.resumed}
        if source is not None and destination is not None:
            transfer: Callable[..., AssetInfo] = copy_between if self.op == "copy" else move_between
            return transfer(source, item.key, destination, item.target, **options)
        if source is not None:
            info = source.download(item.key, item.target, **options)
            if self.op == "move":
                delete_moved(source, info, item.target, None)
            return info
        assert destination is not None
        before = _version(item.key)
        info = destination.upload(item.key, item.target, **options)
        if self.op == "move":
            _remove_moved(item.key, before)
        return info

    def _mark(self, item: Item) -> AssetInfo:
        """Make the folder, or the marker of one; its key is all that a marker holds."""
        if self.destination.store is None:
            Path(item.target).mkdir(parents=True, exist_ok=True)
            info = AssetInfo(key=item.key, size=0)
        else:
            options: dict[str, Any] = {"content_type": FOLDER_TYPE, "overwrite": self.overwrite}
            info = self.destination.store.upload(b"", item.target, **options)
        if self.op == "move" and item.location.store is not None:
            item.location.store.delete(item.key)
        return info

    def _would(self, item: Item, progress: Progress) -> AssetInfo:
        """Return what a transfer would leave there, and fail if it would be refused."""
        size = item.size
        if size is None:
            size = os.stat(item.key).st_size if item.location.store is None else item.location.store.stat(item.key).size
        taken = os.path.lexists(item.target) if self.destination.store is None else False
        if not self.overwrite and (taken or (self.destination.store and self.destination.store.exists(item.target))):
            name = "the file exists" if taken else "the key is taken"
            raise AlreadyExistsError(name, op=self.op, key=item.target)
        progress(size)
        return AssetInfo(key=item.target, size=size)

    def _report(self, item: Item, info: AssetInfo) -> None:
        session, target = self.session, self.destination.name + item.target
        session.count(info.size)
        if session.as_json:
            there = {"path": item.target} if self.destination.store is None else {"store": self.destination.store.name}
            record = {"dry_run": True, "key": item.target, "size": info.size} if self.dry_run else as_record(info)
            session.record({"op": self.op, "source": item.name, **there, **record})
        done = f"would {self.op}" if self.dry_run else PAST[self.op]
        session.detail(f"{done} {shown(item.name)} -> {shown(target)}, {readable_size(info.size)}", needed=self.dry_run)


def transfer_between(
    session: Session,
    op: str,
    sources: Sequence[tuple[Location, Address, str]],
    destination: tuple[Location, Address, str],
    selector: Selector,
    **options: Any,
) -> None:
    """Copy or move what the sources select, of which each is a location, an address and the text that was given."""
    location, address, text = destination
    files = [source for source in sources if source[0].store is None]
    if files and location.store is None:
        tool = {"copy": "cp", "move": "mv"}[op]
        raise click.UsageError(f"{shown(files[0][2])} and {shown(text)} are both files; use {tool}")
    single = len(sources) == 1 and _is_single(selector, *sources[0])
    folder = _folder_of(location, address, text)
    if folder is None and not single:
        raise click.UsageError(f"the destination of several assets must end with /, got {shown(text)}")
    items = [item for source in sources for item in _selected(session, selector, source, folder, location, address)]
    refuse_meetings(
        location.store or next(source[0].store for source in sources if source[0].store is not None),
        ((item.name, item.target) for item in items),
        f"{op} them to folders of their own, or keep the names of folders by --keep-folders",
    )
    _refuse_circles(op, items, location.store, overwrite=options["overwrite"])
    transfers = Transfers(session=session, op=op, destination=location, **options)
    total = sum(item.size or 0 for item in items)
    end = f"to {location.where if location.store is not None else shown(text)}"
    skips = not transfers.overwrite
    verb = {"copy": "copying", "move": "moving"}[op]
    with (
        session.closing(op, "asset", end, several=not single, no_overwrite=skips, dry_run=transfers.dry_run),
        session.working(verb, total),
    ):
        transfers.run(items)
    session.finish()


def _refuse_circles(op: str, items: Sequence[Item], store: AssetStore | None, *, overwrite: bool) -> None:
    """Refuse what would overwrite itself or another source, where two names or a path lead to one place."""
    pairs = []
    for item in items:
        source = item.location.store
        if source is not None and store is not None:
            refuse_itself(source, item.key, store, item.target, op)
            if source._overlaps(store):  # noqa: SLF001 - only stores know their places
                pairs.append((item.key, item.target))
        elif is_file_of(source, item.key, item.target) or is_file_of(store, item.target, item.key):
            message = f"{item.name!r} must not be its own destination: the file is the asset's"
            raise InvalidOptionError(message, hint="choose another key or path", op=op, key=item.target)
    if store is not None and overwrite:
        refuse_chains(store, op, pairs)


def _is_single(selector: Selector, location: Location, address: Address, text: str) -> bool:
    if location.store is None:
        return not os.path.isdir(str(address.path))
    return selector.is_single(location.store, [address.key])


def _folder_of(location: Location, address: Address, text: str) -> str | None:
    """Return the folder that a destination is, as the beginning of targets; ``None`` if it is one key or file."""
    if location.store is not None:
        return {"/": ""}.get(address.key, address.key) if address.key.endswith("/") or not address.key else None
    is_folder = text.endswith(("/", os.sep)) or os.path.isdir(str(address.path))
    return str(address.path) if is_folder else None


def _selected(
    session: Session,
    selector: Selector,
    source: tuple[Location, Address, str],
    folder: str | None,
    to: Location,
    target: Address,
) -> Iterator[Item]:
    location, address, text = source
    if location.store is None:
        finder = Items(
            session=session,
            key=target.key if folder is None else None,
            to=folder,
            category=None,
            recursive=selector.recursive,
            keep_folders=selector.keep_folders,
            filtering=selector.filtering,
        )
        for found in finder.find([str(address.path)]):
            size = os.path.getsize(found.source) if os.path.isfile(found.source) else None
            yield Item(location, found.source, found.key or "", size)
        return
    if not address.key and not selector.recursive:
        raise click.UsageError(f"{shown(text)} is a whole store; use -r for all of it, or name a key in it")
    for selected in selector.select_all(location.store, [address.key]):
        there = str(target.path) if to.store is None else target.key
        if folder is not None and to.store is None:
            there = str(path_below(Path(folder), selected.relative.rstrip("/") or "."))
        elif folder is not None:
            there = folder + selected.relative
        if there:
            yield Item(location, selected.key, there, selected.size, selected.is_folder)


def _version(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _remove_moved(path: str, before: tuple[int, int]) -> None:
    """Remove a file that was copied, if it is still this version; as well if somebody else has."""
    with contextlib.suppress(FileNotFoundError):
        if _version(path) != before:
            raise SourceError("the file changed after it was copied, and stays", hint="move it again", key=path)
        try:
            os.unlink(path)
        except PermissionError as error:
            message = f"the file was copied and could not be removed: {error.strerror}"
            raise UnknownOutcomeError(message, hint="remove it to finish the move", op="move", key=path) from error
