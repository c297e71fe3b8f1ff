"""The commands ``delete``, ``copy`` and ``move``."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import attrs
import click

from assetstore.cli.completion import complete_keys
from assetstore.cli.selection import Selected, Selector, selecting
from assetstore.cli.session import (
    PAST,
    F,
    Session,
    command,
    dry_run_option,
    keep_folders_option,
    max_concurrency_option,
    no_overwrite_option,
    output_options,
    where,
)
from assetstore.cli.targets import as_stored, refuse_chains, refuse_meetings
from assetstore.cli.text import as_record, counted, readable_size, shown
from assetstore.cli.transferring import FOLDER_TYPE, Locations, transfer_between
from assetstore.errors import AlreadyExistsError
from assetstore.results import AssetInfo
from assetstore.store import AssetStore
from assetstore.sync.address import Address

BATCH = 1000
SAMPLE = 8
DOING = {"copy": "copying", "move": "moving"}


@command("delete",
    examples=(
        "assetstore delete maps/keep.webp",
        "assetstore delete 'drafts/**' --dry-run",
        "assetstore delete -r drafts/ --yes",
    ),
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@selecting
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
@output_options
def delete_command(session: Session, keys: tuple[str, ...], selector: Selector, yes: bool, dry_run: bool) -> None:
    """Delete assets.

    KEY is a key, a glob, or with -r a folder in the store. Globs and folders need a confirmation. A missing key counts as
    deleted.
    """
    store = session.open()
    chosen = list(selector.select_all(store, keys))
    several = not selector.is_single(store, keys)
    if not (yes or dry_run) and any(selected.info is not None for selected in chosen):
        _confirm(session, store, chosen)
    with session.closing("delete", "asset", f"from {where(store)}", several=several, dry_run=dry_run):
        remaining = iter(chosen)
        while batch := list(itertools.islice(remaining, BATCH)):
            if dry_run:
                for selected in batch:
                    _tell(session, store, "would delete", selected.key, selected.size, dry_run=True)
            else:
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


def _delete(session: Session, store: AssetStore, batch: Sequence[Selected]) -> None:
    sizes = {selected.key: selected.size for selected in batch}
    report = store.delete_many([selected.info or selected.key for selected in batch])
    for key in report.deleted:
        _tell(session, store, "deleted", key, sizes.get(key))
    for failure in report.failed:
        with session.item("delete", failure.key):
            raise failure.error


def _tell(session: Session, store: AssetStore, done: str, key: str, size: int | None, *, dry_run: bool = False) -> None:
    session.done += 1
    session.count(size)
    if session.as_json:
        session.record({"op": "delete", **({"dry_run": True} if dry_run else {}), "key": key, "store": store.name})
    session.detail(f"{done} {shown(key)} from {where(store)}", needed=dry_run)


def _transfer_options(function: F) -> F:
    """Add the options that a copy and a move have in common."""
    for add in (
        *(output_options, dry_run_option, max_concurrency_option, no_overwrite_option, keep_folders_option, selecting),
    ):
        function = add(function)
    return function


@command("copy",
    examples=(
        "assetstore copy maps/keep.webp maps/keep-old.webp",
        "assetstore copy 'maps/*.webp' archive/",
        "assetstore copy -r dev:maps/ prod:maps/",
        "assetstore copy dev:maps/keep.webp ./keep.webp",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=complete_keys)
@click.argument("destination", metavar="DESTINATION", shell_complete=complete_keys)
@_transfer_options
def copy_command(
    session: Session,
    sources: tuple[str, ...],
    destination: str,
    selector: Selector,
    no_overwrite: bool,
    max_concurrency: int | None,
    dry_run: bool,
) -> None:
    """Copy assets within a store or between stores.

    SOURCE is a key, a glob, or with -r a folder in the store; NAME:KEY names one in another configured store, URL#KEY one in
    the store at a URL, and what begins with /, ./, ../ or ~ is a file or folder of files. :KEY is a key whatever it begins
    with. DESTINATION likewise is a key, or a folder that ends with /, which several assets need; / alone is the whole store.

    With -r the assets keep their paths below the folder, whether or not SOURCE ends with /; --keep-folders begins with the
    folder's own name. Two assets that would get one key are refused before anything is done.
    """
    _transfer(session, "copy", sources, destination, selector, no_overwrite, max_concurrency, dry_run)


@command("move",
    examples=(
        "assetstore move maps/keep.webp maps/castle.webp",
        "assetstore move -r drafts/ maps/",
        "assetstore move -r ./art prod:art/",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=complete_keys)
@click.argument("destination", metavar="DESTINATION", shell_complete=complete_keys)
@_transfer_options
def move_command(
    session: Session,
    sources: tuple[str, ...],
    destination: str,
    selector: Selector,
    no_overwrite: bool,
    max_concurrency: int | None,
    dry_run: bool,
) -> None:
    """Move or rename assets, also between stores.

    SOURCE is a key, a glob, or with -r a folder in the store; NAME:KEY names one in another configured store, URL#KEY one in
    the store at a URL, and what begins with /, ./, ../ or ~ is a file or folder of files. :KEY is a key whatever it begins
    with. DESTINATION likewise is a key, or a folder that ends with /, which several assets need; / alone is the whole store.

    With -r the assets keep their paths below the folder, whether or not SOURCE ends with /; --keep-folders begins with the
    folder's own name. Two assets that would get one key are refused before anything is done.
    """
    _transfer(session, "move", sources, destination, selector, no_overwrite, max_concurrency, dry_run)


def _transfer(
    session: Session,
    op: str,
    sources: Sequence[str],
    destination: str,
    selector: Selector,
    no_overwrite: bool,
    max_concurrency: int | None,
    dry_run: bool,
) -> None:
    if not destination:
        raise click.UsageError("the destination must be a key, or a folder that ends with /; it is empty")
    locations, texts = Locations(session), (*sources, destination)
    addresses = [Address(key=text) if selector.literal or text == "/" else Address.parse(text) for text in texts]
    *found, target = [(locations.of(address), address, text) for address, text in zip(addresses, texts, strict=True)]
    selector = attrs.evolve(selector, addressed=True)
    store = target[0].store
    if store is None or any(location.store is not store for location, *_ in found):
        options = {"overwrite": not no_overwrite, "max_concurrency": max_concurrency, "dry_run": dry_run}
        transfer_between(session, op, found, target, selector, **options)
    else:
        keys, to = [address.key for _, address, _ in found], target[1].key or "/"
        _transfer_inside(session, store, op, keys, to, selector, no_overwrite, max_concurrency, dry_run)


def _transfer_inside(
    session: Session,
    store: AssetStore,
    op: str,
    sources: Sequence[str],
    destination: str,
    selector: Selector,
    no_overwrite: bool,
    max_concurrency: int | None,
    dry_run: bool,
) -> None:
    single = selector.is_single(store, sources)
    folder = {"/": ""}.get(destination, destination) if destination.endswith("/") else None
    if folder is None and not single:
        raise click.UsageError(f"the destination of several assets must end with /, got {shown(destination)}")
    chosen = [
        (selected, destination if folder is None else folder + selected.relative)
        for selected in selector.select_all(store, sources)
    ]
    _refuse_targets(store, op, chosen, overwrite=not no_overwrite)
    total, end = sum(selected.size or 0 for selected, _ in chosen), f"in {where(store)}"
    with (
        session.closing(op, "asset", end, several=not single, no_overwrite=no_overwrite, dry_run=dry_run),
        session.working(DOING[op], total) as bar,
    ):
        # Without a target is the marker of a folder whose contents go to the top of the store.
        chosen = [pair for pair in chosen if pair[1]]
        together = [] if dry_run else _independent(chosen)
        transfer = store.copy_many if op == "copy" else store.move_many
        pairs = [(selected.key, target) for selected, target in together]
        with transfer(pairs, overwrite=not no_overwrite, ordered=True, max_concurrency=max_concurrency) as results:
            for selected, target in chosen:
                bar.label = shown(selected.relative)
                with session.item(op, selected.key, what=f"{op} {shown(selected.key)} to {shown(target)}"):
                    if dry_run:
                        _pretend(session, store, op, selected, target, overwrite=not no_overwrite)
                    elif together and not selected.is_folder:
                        _report(session, store, op, selected.key, next(results).result())
                    else:
                        info = _do(store, op, selected, target, overwrite=not no_overwrite)
                        _report(session, store, op, selected.key, info)
    session.finish()


def _independent(chosen: Sequence[tuple[Selected, str]]) -> list[tuple[Selected, str]]:
    """Return the assets that can go at once: all but the markers of folders, or none if one's target is another's source."""
    sources = {as_stored(selected.key) for selected, _ in chosen}
    if any(as_stored(target) in sources for _, target in chosen):
        return []
    return [pair for pair in chosen if not pair[0].is_folder]


def _refuse_targets(store: AssetStore, op: str, chosen: Sequence[tuple[Selected, str]], *, overwrite: bool) -> None:
    """Refuse targets of which one would overwrite another, or an asset that is to be copied or moved itself."""
    pairs = [(selected.key, target) for selected, target in chosen]
    refuse_meetings(store, pairs, f"{op} them to folders of their own, or keep the names of folders by --keep-folders")
    if overwrite:
        refuse_chains(store, op, pairs)


def _do(store: AssetStore, op: str, selected: Selected, target: str, *, overwrite: bool) -> AssetInfo:
    """Copy or move one asset."""
    if not selected.is_folder:
        transfer = store.copy if op == "copy" else store.move
        return transfer(selected.key, target, overwrite=overwrite)
    # Some servers list the marker of a folder and do not find it by its key. Its key is all that it holds.
    info = store.upload(b"", target, content_type=FOLDER_TYPE, overwrite=overwrite)
    if op == "move" and target != selected.key:
        store.delete(selected.key)
    return info


def _report(session: Session, store: AssetStore, op: str, source: str, info: AssetInfo) -> None:
    assert session.bar is not None
    session.bar.advance(info.size)
    session.count(info.size)
    if session.as_json:
        session.record({"op": op, "source": source, "store": store.name, **as_record(info)})
    there = f"{shown(source)} -> {shown(info.key)} in {where(store)}"
    session.detail(f"{PAST[op]} {there}, {readable_size(info.size)}")


def _pretend(session: Session, store: AssetStore, op: str, selected: Selected, target: str, *, overwrite: bool) -> None:
    """Report what a transfer would do, and fail if it would be refused."""
    source = selected.key
    session.count(0 if selected.is_folder else store.stat(source).size)
    if store.exists(target) and not overwrite:
        raise AlreadyExistsError("the key is taken")
    if session.as_json:
        session.record({"op": op, "dry_run": True, "source": source, "key": target, "store": store.name})
    session.talk(f"would {op} {shown(source)} -> {shown(target)} in {where(store)}")
