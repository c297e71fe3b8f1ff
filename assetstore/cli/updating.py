"""The command ``update``: changes headers and metadata of assets that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from assetstore.cli.completion import complete_keys
from assetstore.cli.selection import Selected, Selector, selecting
from assetstore.cli.session import Session, command, dry_run_option, header_options, output_options, where
from assetstore.cli.text import as_record, shown
from assetstore.cli.values import pairs
from assetstore.errors import InvalidOptionError
from assetstore.options import CopyOptions
from assetstore.signed_headers import http_name
from assetstore.store import AssetStore


@command("update",
    examples=(
        "assetstore update maps/keep.webp --metadata by=gm",
        "assetstore update 'images/**' --cache-control 'public, max-age=86400'",
        "assetstore update -r drafts/ --metadata state= --dry-run",
    ),
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@header_options("Set the HTTP header {}; '' removes it.")
@click.option(
    "--metadata",
    multiple=True,
    metavar="NAME=VALUE",
    callback=pairs,
    help="Set metadata of your own; NAME= removes it; repeatable.",
)
@click.option("--clear-metadata", is_flag=True, help="Remove all metadata that --metadata does not set.")
@selecting
@dry_run_option
@output_options
def update_command(
    session: Session,
    keys: tuple[str, ...],
    selector: Selector,
    metadata: Mapping[str, str] | None,
    clear_metadata: bool,
    dry_run: bool,
    **headers: str | None,
) -> None:
    """Change headers and metadata of assets.

    KEY is a key, a glob, or with -r a folder in the store. The bytes stay as they are, and so does what no option names. On
    S3 and R2, of two programs that change the metadata of one asset at once, the later one wins, and the other is not told.
    """
    changes = {name: value for name, value in headers.items() if value is not None}
    if not changes and not metadata and not clear_metadata:
        raise click.UsageError("there is nothing to change: give a header or --metadata")
    store = session.open()
    _refuse_wrong_values(store, {**changes, "metadata": metadata})
    chosen = list(selector.select_all(store, keys))
    several = not selector.is_single(store, keys)
    session.count(None)  # no bytes are moved
    described = _described(changes, metadata or {}, clear_metadata)
    with session.closing("update", "asset", f"in {where(store)}", several=several, dry_run=dry_run):
        for selected in chosen:
            with session.item("update", selected.key):
                if dry_run:
                    _pretend(session, store, selected, described)
                    continue
                wanted = changes | _metadata(store, selected.key, metadata or {}, clear_metadata)
                info = store.update(selected.key, **wanted)
                if session.as_json:
                    session.record({"op": "update", "store": store.name, **as_record(info)})
                session.detail(f"updated {shown(info.key)} in {where(store)}: {described}")
    session.finish()


def _refuse_wrong_values(store: AssetStore, changes: Mapping[str, Any]) -> None:
    """Refuse once, and before anything is changed, what every asset would refuse.

    Raises:
        InvalidOptionError: a value cannot be stored.
    """
    try:
        CopyOptions(**changes)
    except InvalidOptionError as error:
        error.op, error.store = "update", store.name
        raise


def _metadata(store: AssetStore, key: str, given: Mapping[str, str], clear: bool) -> dict[str, Any]:
    """Return the whole metadata of an asset after the change, and the version that it is made from."""
    if not given and not clear:
        return {}
    info = None if clear else store.stat(key)
    before = {} if info is None else info.metadata or {}
    after = {**before, **{name.lower(): value for name, value in given.items()}}
    # Without the condition, metadata that someone else sets meanwhile would be lost.
    condition = {"if_match": info.etag} if info is not None and store.can("update.if_match") else {}
    return {"metadata": {name: value for name, value in after.items() if value}, **condition}


def _pretend(session: Session, store: AssetStore, selected: Selected, described: str) -> None:
    """Report what would be changed, and fail if there is no such asset."""
    if selected.info is None:
        store.stat(selected.key)
    if session.as_json:
        session.record({"op": "update", "dry_run": True, "key": selected.key, "store": store.name})
    session.talk(f"would update {shown(selected.key)} in {where(store)}: {described}")


def _described(headers: Mapping[str, str], metadata: Mapping[str, str], clear: bool) -> str:
    """Return the changes in words: ``Cache-Control no-cache, metadata by=gm, without metadata state``."""
    words = [
        f"{http_name(name).title()} {shown(value)}" if value else f"without {http_name(name).title()}"
        for name, value in headers.items()
    ]
    words += ["without other metadata"] if clear else []
    words += [f"metadata {name}={shown(value)}" if value else f"without metadata {name}" for name, value in metadata.items()]
    return ", ".join(words)
