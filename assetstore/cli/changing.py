"""The commands ``delete``, ``copy`` and ``move``."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import click

from assetstore.cli.selection import Selected, Selector
from assetstore.cli.session import (
    Session,
    command,
    dry_run_option,
    literal_option,
    no_overwrite_option,
    recursive_option,
    where,
)
from assetstore.cli.text import as_record, counted, readable_size, shown
from assetstore.errors import AlreadyExistsError
from assetstore.results import AssetInfo
from assetstore.store import AssetStore

BATCH = 1000
SAMPLE = 8


@command("delete",
    examples=(
        "assetstore delete maps/keep.webp",
        "assetstore delete 'drafts/**' --dry-run",
        "assetstore delete -r drafts/ --yes",
    ),
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@recursive_option
@literal_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
def delete_command(
    session: Session, keys: tuple[str, ...], recursive: bool, literal: bool, yes: bool, dry_run: bool
) -> None:
    """Delete assets.

    KEY is a key, a glob, or with -r a folder in the store. Globs and folders need a confirmation. A missing key counts as
    deleted.
    """
    store = session.open()
    selector = Selector(recursive=recursive, literal=literal)
    chosen = list(selector.select_all(store, keys))
    if dry_run:
        for selected in chosen:
            _tell(session, store, "would delete", selected.key, dry_run=True)
        return
    if not yes and any(selected.info is not None for selected in chosen):
        _confirm(session, store, chosen)
    remaining = iter([selected.key if selected.info is None else selected.info for selected in chosen])
    while batch := list(itertools.islice(remaining, BATCH)):
        _delete(session, store, batch)
    session.finish()


def _confirm(session: Session, store: AssetStore, chosen: Sequence[Selected]) -> None:
    """Ask whether to go on.

    Raises:
        click.UsageError: stdin is not a terminal.
        click.exceptions.Exit: the answer is no.
    """
    if not sys.stdin.isatty():
        what = counted(len(chosen), "asset")
        raise click.UsageError(f"deleting {what} needs a confirmation, and stdin is not a terminal; use --yes")
    for selected in chosen[:SAMPLE]:
        session.talk(f"  {shown(selected.key)}")
    if len(chosen) > SAMPLE:
        session.talk(f"  … and {len(chosen) - SAMPLE:,} more")
    if not click.confirm(f"delete {counted(len(chosen), 'asset')} from {where(store)}?", err=True):
        session.talk("nothing was deleted")
        raise click.exceptions.Exit(1)


def _delete(session: Session, store: AssetStore, batch: Sequence[str | AssetInfo]) -> None:
    report = store.delete_many(batch)
    for key in report.deleted:
        session.done += 1
        _tell(session, store, "deleted", key)
    for failure in report.failed:
        with session.item("delete", failure.key):
            raise failure.error


def _tell(session: Session, store: AssetStore, done: str, key: str, *, dry_run: bool = False) -> None:
    if session.as_json:
        session.record({"op": "delete", **({"dry_run": True} if dry_run else {}), "key": key, "store": store.name})
    session.talk(f"{done} {shown(key)} from {where(store)}")


@command("copy",
    examples=(
        "assetstore copy maps/keep.webp maps/keep-old.webp",
        "assetstore copy 'maps/*.webp' archive/",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="KEY...")
@click.argument("destination", metavar="DESTINATION")
@recursive_option
@literal_option
@no_overwrite_option
@dry_run_option
def copy_command(
    session: Session,
    sources: tuple[str, ...],
    destination: str,
    recursive: bool,
    literal: bool,
    no_overwrite: bool,
    dry_run: bool,
) -> None:
    """Copy assets within the store.

    KEY is a key, a glob, or with -r a folder in the store. DESTINATION is a key, or a folder that ends with /, which
    several assets need.
    """
    _transfer(session, "copy", sources, destination, Selector(recursive=recursive, literal=literal), no_overwrite, dry_run)


@command("move",
    examples=(
        "assetstore move maps/keep.webp maps/castle.webp",
        "assetstore move -r drafts/ maps/",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="KEY...")
@click.argument("destination", metavar="DESTINATION")
@recursive_option
@literal_option
@no_overwrite_option
@dry_run_option
def move_command(
    session: Session,
    sources: tuple[str, ...],
    destination: str,
    recursive: bool,
    literal: bool,
    no_overwrite: bool,
    dry_run: bool,
) -> None:
    """Move or rename assets within the store.

    KEY is a key, a glob, or with -r a folder in the store. DESTINATION is a key, or a folder that ends with /, which
    several assets need.
    """
    _transfer(session, "move", sources, destination, Selector(recursive=recursive, literal=literal), no_overwrite, dry_run)


def _transfer(
    session: Session,
    op: str,
    sources: Sequence[str],
    destination: str,
    selector: Selector,
    no_overwrite: bool,
    dry_run: bool,
) -> None:
    store = session.open()
    folder = {"/": ""}.get(destination, destination) if destination.endswith("/") else None
    if folder is None and not selector.is_single(store, sources):
        raise click.UsageError(f"the destination of several assets must end with /, got {shown(destination)}")
    for selected in list(selector.select_all(store, sources)):
        target = destination if folder is None else folder + selected.relative
        with session.item(op, selected.key, what=f"{op} {shown(selected.key)} to {shown(target)}"):
            if dry_run:
                _pretend(session, store, op, selected.key, target, overwrite=not no_overwrite)
                continue
            transfer = store.copy if op == "copy" else store.move
            info = transfer(selected.key, target, overwrite=not no_overwrite)
            if session.as_json:
                session.record({"op": op, "source": selected.key, "store": store.name, **as_record(info)})
            done = {"copy": "copied", "move": "moved"}[op]
            session.talk(f"{done} {shown(selected.key)} -> {shown(info.key)} in {where(store)}, {readable_size(info.size)}")
    session.finish()


def _pretend(session: Session, store: AssetStore, op: str, source: str, target: str, *, overwrite: bool) -> None:
    """Report what a transfer would do, and fail if it would be refused."""
    store.stat(source)
    if store.exists(target) and not overwrite:
        raise AlreadyExistsError("the key is taken")
    if session.as_json:
        session.record({"op": op, "dry_run": True, "source": source, "key": target, "store": store.name})
    session.talk(f"would {op} {shown(source)} -> {shown(target)} in {where(store)}")
