"""The command ``upload``: writes files, folders and stdin to the store."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from assetstore.cli.session import Session, command, dry_run_option, header_options, no_overwrite_option, where
from assetstore.cli.text import as_record, readable_size, shown
from assetstore.content.source import Source, SourceLike
from assetstore.errors import AlreadyExistsError, InvalidOptionError
from assetstore.keys import join_key, normalize_key
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
        return sys.stdin.buffer if self.source == STDIN else self.source


def _pairs(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> dict[str, str] | None:
    pairs = [text.partition("=") for text in value]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise click.BadParameter(f"must be NAME=VALUE, got {shown(name)}", context, parameter)
    return {name: text for name, _, text in pairs} or None


@command("upload",
    examples=(
        "assetstore upload keep.webp",
        "assetstore upload *.webp --to maps/ --metadata by=gm",
        "assetstore upload -r art/ --to art/",
        "pg_dump | assetstore upload - --key backup/today.sql",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@click.option("--key", help="The key, for a single source.")
@click.option("--to", metavar="PREFIX/", help="Keep the file names, below this folder in the store.")
@click.option("--category", metavar="NAME", help="The category of generated keys; by default that of the content type.")
@click.option("--name", "filename", metavar="FILENAME", help="The file name for the generated key and the content type.")
@click.option("-r", "--recursive", is_flag=True, help="Upload folders with everything in them, keeping relative paths.")
@click.option("--content-type", metavar="TYPE", help="The content type; by default that of the file name.")
@header_options("The HTTP header {}.", but=["content_type"])
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", callback=_pairs, help="Metadata of your own; repeatable.")
@no_overwrite_option
@dry_run_option
def upload_command(
    session: Session,
    sources: tuple[str, ...],
    key: str | None,
    to: str | None,
    category: str | None,
    filename: str | None,
    recursive: bool,
    no_overwrite: bool,
    dry_run: bool,
    **headers: Any,
) -> None:
    """Upload files, folders or stdin.

    SRC is a path, or - for stdin. Without --key and --to, the store's naming plugin makes the keys. Files in folders keep
    their relative paths unless --category is given. If stdout is not a terminal, it gets the keys, one per line.
    """
    _refuse_combinations(sources, key, to, category, filename)
    store = session.open()
    items = list(_items(session, sources, recursive, key, to, category))
    options = {**headers, "overwrite": not no_overwrite, "filename": filename, "category": category}
    with session.working("uploading", _total(items)) as bar:
        for item in items:
            bar.label = "stdin" if item.source == STDIN else shown(Path(item.source).name)
            with session.item("upload", item.source):
                if dry_run:
                    _pretend(session, store, item, options)
                else:
                    _upload(session, store, item, options)
    session.finish()


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


def _items(
    session: Session, sources: Sequence[str], recursive: bool, key: str | None, to: str | None, category: str | None
) -> Iterator[Item]:
    for source in sources:
        if source != STDIN and os.path.isdir(source):
            if not recursive:
                raise click.UsageError(f"{shown(source)} is a folder; use -r to upload everything in it")
            if key is not None:
                raise click.UsageError("--key is for a single file; use --to for a folder")
            for path in _files(session, Path(source)):
                relative = path.relative_to(source).as_posix()
                yield Item(source=str(path), key=None if category is not None else join_key(to or "", relative))
        elif key is None and to is not None:
            yield Item(source=source, key=join_key(to, Path(source).name))
        else:
            yield Item(source=source, key=key)


def _files(session: Session, folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, without links: they may lead anywhere, and in circles."""

    def refuse(error: OSError) -> None:
        session.fail("upload", str(error.filename), error)

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted([*names, *(folder for folder in folders if os.path.islink(os.path.join(parent, folder)))]):
            path = Path(parent, name)
            if path.is_symlink():
                session.talk(f"skipped {shown(str(path))}, a link")
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


def _upload(session: Session, store: AssetStore, item: Item, options: Mapping[str, Any]) -> None:
    assert session.bar is not None
    if item.source == STDIN and sys.stdin.isatty():
        session.talk("reading from the terminal; end with Ctrl-D")
    info = store.upload(item.open(), item.key, **_fitting(item, options), progress=session.bar.advance)
    if session.as_json:
        session.record({"op": "upload", "source": item.source, "store": store.name, **as_record(info)})
    elif not sys.stdout.isatty():
        session.key(info.key)
    session.talk(f"uploaded {shown(info.key)} -> {where(store)}, {readable_size(info.size)}")


def _fitting(item: Item, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, without the category if the key is given."""
    return {name: value for name, value in options.items() if name != "category" or item.key is None}


def _pretend(session: Session, store: AssetStore, item: Item, options: Mapping[str, Any]) -> None:
    """Report what an upload would do, and fail if it would be refused."""
    with contextlib.closing(Source(b"" if item.source == STDIN else item.source)) as source:
        size = None if item.source == STDIN else source.size
    key = item.key if item.key is None else normalize_key(item.key)
    if key is None:
        # Some naming schemes need the bytes, and random parts of the key differ from run to run.
        with contextlib.suppress(InvalidOptionError):
            name = options["filename"] or Path(item.source).name
            key = store.generate_key(name, category=options["category"], content_type=options["content_type"])
    elif not options["overwrite"] and store.exists(key):
        raise AlreadyExistsError("the key is taken", op="upload", key=key, store=store.name)
    if session.as_json:
        values = {"op": "upload", "dry_run": True, "source": item.source, "store": store.name, "key": key, "size": size}
        session.record(values)
    like = "as" if item.key is not None else "with a key like"
    name = f"{like} {shown(key)}" if key is not None else "with a generated key"
    session.talk(f"would upload {shown(item.source)} {name} -> {where(store)}")
