"""The command ``upload``: writes files, folders and stdin to the store."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs
import click

from assetstore.cli.completion import complete_files, complete_keys
from assetstore.cli.selection import filter_options, nothing_left
from assetstore.cli.session import (
    Session,
    command,
    dry_run_option,
    header_options,
    keep_folders_option,
    max_concurrency_option,
    no_overwrite_option,
    no_resume_option,
    output_options,
    where,
)
from assetstore.cli.streams import data_stream
from assetstore.cli.targets import refuse_meetings, refuse_other_store
from assetstore.cli.text import as_record, readable_size, shown
from assetstore.cli.values import pairs
from assetstore.content.atomic_file import PART_NAME
from assetstore.content.source import Source, SourceLike
from assetstore.errors import AlreadyExistsError, AssetStoreError, InvalidOptionError, SourceError
from assetstore.keys import Filter, join_key, normalize_key
from assetstore.limits import OWN_FOLDER
from assetstore.results import AssetInfo
from assetstore.store import AssetStore

STDIN = "-"


@attrs.frozen(kw_only=True)
class Item:
    """One source to upload.

    Attributes:
        source: a path, or ``-`` for stdin.
        key: its key, or ``None`` if the naming plugin makes it.
    """

    source: str
    key: str | None

    def open(self) -> SourceLike:
        """Return the source for the store to read."""
        if self.source != STDIN:
            return self.source
        # The buffer asks again for what a pipe did not yet bring, and looks for signals only when one breaks a wait off.
        return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)


@command("upload",
    examples=(
        "assetstore upload keep.webp",
        "assetstore upload *.webp --to maps/ --metadata by=gm",
        "assetstore upload -r art/ --to art/ --exclude '*.{psd,blend}' --exclude .git",
        "pg_dump | assetstore upload - --key backup/today.sql",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", shell_complete=complete_files)
@click.option("--key", shell_complete=complete_keys, help="The key, for a single source.")
@click.option(
    "--to", metavar="PREFIX/", shell_complete=complete_keys, help="Keep the file names, below this folder in the store."
)
@click.option("--category", metavar="NAME", help="The category of generated keys; by default that of the content type.")
@click.option("--name", "filename", metavar="FILENAME", help="The file name for the generated key and the content type.")
@click.option("-r", "--recursive", is_flag=True, help="Upload folders with everything in them, keeping relative paths.")
@keep_folders_option
@filter_options
@click.option("--content-type", metavar="TYPE", help="The content type; by default that of the file name.")
@header_options("The HTTP header {}.", but=["content_type"])
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", callback=pairs, help="Metadata of your own; repeatable.")
@click.option("--literal", is_flag=True, help="Take --key and --to as they are, even if they begin like a store.")
@no_overwrite_option
@max_concurrency_option
@no_resume_option
@dry_run_option
@output_options
def upload_command(
    session: Session,
    sources: tuple[str, ...],
    key: str | None,
    to: str | None,
    category: str | None,
    filename: str | None,
    recursive: bool,
    keep_folders: bool,
    filtering: Filter,
    literal: bool,
    no_overwrite: bool,
    max_concurrency: int | None,
    no_resume: bool,
    dry_run: bool,
    **headers: Any,
) -> None:
    """Upload files, folders or stdin.

    SRC is a path, or - for stdin. Without --key and --to, the store's naming plugin makes the keys. With -r the files in a
    folder keep their paths below it: maps/keep.webp becomes keep.webp, or x/keep.webp with --to x/. It makes no difference
    whether SRC or PREFIX ends with /. --keep-folders begins with the folder's own name, x/maps/keep.webp. Two files that
    would get one key are refused before anything is sent. With --category, files in folders get generated keys too.

    If stdout is not a terminal, it gets the keys, one per line.
    """
    _refuse_combinations(sources, key, to, category, filename)
    store = session.open()
    finder = Items(session=session, key=key, to=to, category=category, recursive=recursive, keep_folders=keep_folders,
                   filtering=filtering)
    items = _once(finder.find(sources))
    _refuse_targets(store, items, key, to, literal)
    if not items and (filtering.include or filtering.exclude):
        raise nothing_left(store)
    options = {**headers, "overwrite": not no_overwrite, "filename": filename, "category": category}
    # A generated key that is taken is a failure: its file is not there already.
    skips = no_overwrite and all(item.key is not None for item in items)
    several = recursive or len(sources) > 1
    with (
        session.closing("upload", "file", f"to {where(store)}", several=several, no_overwrite=skips, dry_run=dry_run),
        session.working("uploading", _total(items)),
    ):
        if dry_run:
            for item in items:
                with session.item("upload", item.source):
                    _pretend(session, store, item, options)
        else:
            options["resume"] = False if no_resume else session.resumed
            Uploads(session=session, store=store, options=options, max_concurrency=max_concurrency).run(items)
    session.finish()


def _once(items: Iterable[Item]) -> list[Item]:
    """Return the items without those that are named twice, but for those that get a key of their own each time."""
    once: dict[tuple[str, str | int], Item] = {}
    for number, item in enumerate(items):
        once[str(Path(item.source)), number if item.key is None else item.key] = item
    return list(once.values())


def _refuse_combinations(
    sources: Sequence[str], key: str | None, to: str | None, category: str | None, filename: str | None
) -> None:
    given = [name for name, value in (("--key", key), ("--to", to), ("--category", category)) if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} cannot be used together")
    if len(sources) > 1 and (key is not None or filename is not None):
        raise click.UsageError(f"{'--key' if key is not None else '--name'} is for a single source, got {len(sources)}")
    if STDIN in sources and key is None and filename is None:
        raise click.UsageError("stdin has no name; use --key or --name")
    if sources.count(STDIN) > 1:
        raise click.UsageError("stdin can be read only once")


def _refuse_targets(store: AssetStore, items: Sequence[Item], key: str | None, to: str | None, literal: bool) -> None:
    if not literal:
        refuse_other_store(key or to or "", store)
        if key is not None and key.endswith("/"):
            raise click.UsageError("--key must not end with /; use --to to keep the file's name, or --literal")
    hint = "upload each folder with a --to of its own, or keep their names by --keep-folders"
    pairs = ((str(Path(item.source)), item.key) for item in items if item.key is not None)
    refuse_meetings(store, pairs, hint)


@attrs.frozen(kw_only=True)
class Items:
    """Finds the files to upload, and the key of each.

    Attributes:
        key: the key of a single source.
        to: the folder in the store that all keys begin with.
        category: the category of generated keys.
        recursive: whether folders are uploaded.
        keep_folders: whether the paths of files begin with the name of the folder that was named.
        filtering: says which files are taken.
    """

    session: Session
    key: str | None
    to: str | None
    category: str | None
    recursive: bool
    keep_folders: bool
    filtering: Filter

    def find(self, sources: Sequence[str]) -> Iterator[Item]:
        """Yield the items of all sources."""
        for source in sources:
            if source != STDIN and os.path.isdir(source):
                yield from self._in_folder(source)
            elif source == STDIN or self.filtering.takes(Path(source).name):
                key = join_key(self.to, Path(source).name) if self.to is not None and self.key is None else self.key
                yield Item(source=source, key=key)

    def _in_folder(self, source: str) -> Iterator[Item]:
        if not self.recursive:
            raise click.UsageError(f"{shown(source)} is a folder; use -r to upload everything in it")
        if self.key is not None:
            raise click.UsageError("--key is for a single file; use --to for a folder")
        name = os.path.basename(source.rstrip("/" + os.sep)) if self.keep_folders else ""
        head = join_key(self.to or "", name.strip(".") and name)
        for path in self._files(Path(source)):
            key = join_key(head, path.relative_to(source).as_posix())
            yield Item(source=str(path), key=None if self.category is not None else key)

    def _files(self, top: Path) -> Iterator[Path]:
        """Yield the files in a folder, without links: they may lead anywhere, and in circles."""

        def refuse(error: OSError) -> None:
            self.session.fail("upload", str(error.filename), error)

        for parent, folders, names in os.walk(top, onerror=refuse):
            above = Path(parent).relative_to(top)
            if OWN_FOLDER in folders:
                # It holds the key that signs URLs, and nothing that another store would read.
                folders.remove(OWN_FOLDER)
                self.session.skip("upload", os.path.join(parent, OWN_FOLDER), "it is a store's own folder", needed=True)
            folders[:] = sorted(name for name in folders if not self.filtering.leaves_out(f"{(above / name).as_posix()}/"))
            for name in sorted([*names, *(folder for folder in folders if os.path.islink(os.path.join(parent, folder)))]):
                path = Path(parent, name)
                if not self.filtering.takes((above / name).as_posix()):
                    continue
                if PART_NAME.fullmatch(name):
                    self.session.skip("upload", str(path), "it is an unfinished download", needed=True)
                elif path.is_symlink():
                    self.session.skip("upload", str(path), "a link is not followed", needed=True)
                else:
                    yield path


def _total(items: Sequence[Item]) -> int | None:
    total = 0
    for item in items:
        if item.source == STDIN:
            return None
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(item.source)
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


@attrs.frozen(kw_only=True)
class Uploads:
    """The uploads of one command.

    Attributes:
        options: the keywords of ``AssetStore.upload``.
        max_concurrency: how many at once at most, or ``None``.
    """

    session: Session
    store: AssetStore
    options: Mapping[str, Any]
    max_concurrency: int | None

    def run(self, items: Sequence[Item]) -> None:
        """Upload the items, and report each in its turn."""
        assert self.session.bar is not None
        with self.session.resuming(), contextlib.closing(self._ends(items)) as ends:
            for item, result in ends:
                self.session.bar.label = "stdin" if item.source == STDIN else shown(Path(item.source).name)
                with self.session.item("upload", item.source):
                    _report(self.session, self.store, item, result())

    def _ends(self, items: Sequence[Item]) -> Generator[tuple[Item, Callable[[], AssetInfo]]]:
        """Upload the items and yield for each, in order, what returns the asset or raises the error."""
        if any(item.source == STDIN for item in items):
            # The thread that Ctrl-C interrupts must be the one that waits for stdin.
            for item in items:
                yield item, functools.partial(self._alone, item)
            return
        checked: deque[tuple[Item, AssetStoreError | None]] = deque()
        with self.store.upload_many(
            self._free(items, checked), ordered=True, max_concurrency=self.max_concurrency, progress=self._advance
        ) as results:
            for result in results:
                yield from _refused(checked)
                yield checked.popleft()[0], result.result
            yield from _refused(checked)

    def _advance(self, count: int) -> None:
        assert self.session.bar is not None
        self.session.bar.advance(count)

    def _alone(self, item: Item) -> AssetInfo:
        if not self.options["overwrite"]:
            _refuse_taken(self.store, item.key)
        if item.source == STDIN and not sys.stdin.readable():
            raise SourceError("stdin must be open for reading", hint="send the bytes through a pipe, or name a file")
        if item.source == STDIN and sys.stdin.isatty():
            self.session.talk("reading from the terminal; end with Ctrl-D")
        return self.store.upload(item.open(), item.key, **self._fitting(item), progress=self._advance)

    def _free(
        self, items: Sequence[Item], checked: deque[tuple[Item, AssetStoreError | None]]
    ) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        """Yield what may be uploaded, and note for each item whether its key is taken."""
        looked_up = ((item, None) for item in items) if self.options["overwrite"] else self._looked_up(items)
        for item, taken in looked_up:
            checked.append((item, taken))
            if taken is None:
                yield item.source, item.key, self._fitting(item)

    def _looked_up(self, items: Sequence[Item]) -> Iterator[tuple[Item, AssetStoreError | None]]:
        keys = (item.key for item in items if item.key is not None)
        with self.store.stat_many(keys, ordered=True, max_concurrency=self.max_concurrency) as found:
            for item in items:
                # Whatever else is wrong is the failure of the upload.
                is_taken = item.key is not None and next(found).error is None
                yield item, _taken(self.store, item.key) if is_taken else None

    def _fitting(self, item: Item) -> dict[str, Any]:
        """Return the options, without the category if the key is given."""
        return {name: value for name, value in self.options.items() if name != "category" or item.key is None}


def _refused(checked: deque[tuple[Item, AssetStoreError | None]]) -> Iterator[tuple[Item, Callable[[], AssetInfo]]]:
    """Take the items from the front whose keys are taken."""
    while checked and (error := checked[0][1]) is not None:
        yield checked.popleft()[0], functools.partial(_raise, error)


def _raise(error: AssetStoreError) -> NoReturn:
    raise error


def _report(session: Session, store: AssetStore, item: Item, info: AssetInfo) -> None:
    if session.as_json:
        session.record({"op": "upload", "source": item.source, "store": store.name, **as_record(info)})
    elif not data_stream().isatty():
        session.key(info.key)
    session.count(info.size)
    generated = item.key is None and data_stream().isatty() and not session.as_json
    session.detail(f"uploaded {shown(info.key)} -> {where(store)}, {readable_size(info.size)}", needed=generated)


def _refuse_taken(store: AssetStore, key: str | None) -> None:
    """Refuse a key that is taken before any bytes are sent; the store's own condition decides if two write at once."""
    if key is not None and store.exists(key):
        raise _taken(store, key)


def _taken(store: AssetStore, key: str | None) -> AlreadyExistsError:
    return AlreadyExistsError("the key is taken", op="upload", key=key, store=store.name)


def _pretend(session: Session, store: AssetStore, item: Item, options: Mapping[str, Any]) -> None:
    """Report what an upload would do, and fail if it would be refused."""
    with Source(b"" if item.source == STDIN else item.source) as source:
        size = None if item.source == STDIN else source.size
    key = item.key if item.key is None else normalize_key(item.key)
    if key is None:
        # Some naming schemes need the bytes, and random parts of the key differ from run to run.
        with contextlib.suppress(InvalidOptionError):
            name = options["filename"] or Path(item.source).name
            key = store.generate_key(name, category=options["category"], content_type=options["content_type"])
    elif not options["overwrite"]:
        _refuse_taken(store, key)
    if session.as_json:
        values = {"op": "upload", "dry_run": True, "source": item.source, "store": store.name, "key": key, "size": size}
        session.record(values)
    session.count(size)
    like = "as" if item.key is not None else "with a key like"
    name = f"{like} {shown(key)}" if key is not None else "with a generated key"
    session.talk(f"would upload {shown(item.source)} {name} -> {where(store)}")
