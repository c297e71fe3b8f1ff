"""The commands ``trash list``, ``trash restore`` and ``trash empty``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, TypeVar

import click

from assetstore.plugin import AssetInfo, AssetStoreError
from assetstore_wrappers.trash.restoring import Deleted, deleted, oldest, restore

T = TypeVar("T")


class TrashGroup(click.Group):
    """The group of commands. For programs that know the store alone, such as its gallery, it has the functions too."""

    deleted: ClassVar[Callable[..., Iterator[Deleted]]] = staticmethod(deleted)
    restore: ClassVar[Callable[..., AssetInfo]] = staticmethod(restore)


def commands() -> Sequence[click.Command]:
    """Return the group of commands."""
    group = TrashGroup("trash", help="List, restore and remove what was deleted.")
    for name, callback, params in (
        ("list", _list, [_prefix(), _json()]),
        ("restore", _restore, _restore_params()),
        ("empty", _empty, _empty_params()),
    ):
        group.add_command(click.Command(name, callback=click.pass_context(callback), params=params, help=callback.__doc__))
    return [group]


def _prefix() -> click.Parameter:
    return click.Argument(["prefix"], default="")


def _json() -> click.Parameter:
    return click.Option(["--json", "as_json"], is_flag=True, help="Write data as JSON, one object a line.")


def _restore_params() -> list[click.Parameter]:
    return [
        click.Argument(["key"]),
        click.Option(["--to"], help="Restore it under this key instead."),
        click.Option(["--entry"], help="Which deletion, as 'trash list' names it; by default the last one."),
        click.Option(["--overwrite"], is_flag=True, help="Move what has the key by now to the trash in turn."),
    ]


def _empty_params() -> list[click.Parameter]:
    return [
        _prefix(),
        click.Option(["--older-than"], required=True, help="Only what was deleted so long ago: 30d, or 0 for all."),
        click.Option(["-n", "--dry-run"], is_flag=True, help="Only say what would be removed."),
    ]


def _list(context: click.Context, prefix: str, as_json: bool) -> None:
    """List what is in the trash: time, bytes, key, and the key in the trash."""
    for each in _done(context, "list the trash", lambda: list(deleted(context.obj, prefix))):
        line = {"time": f"{each.time:%Y-%m-%dT%H:%M:%SZ}", "size": each.size, "key": each.key, "entry": each.entry}
        click.echo(json.dumps(line) if as_json else "\t".join(map(str, line.values())))


def _restore(context: click.Context, key: str, to: str | None, entry: str | None, overwrite: bool) -> None:
    """Bring back what was deleted last under KEY. Nothing is overwritten unless asked."""
    info = _done(context, "restore", lambda: restore(context.obj, key, to=to, entry=entry, overwrite=overwrite))
    click.echo(info.key)


def _empty(context: click.Context, prefix: str, older_than: str, dry_run: bool) -> None:
    """Remove for good what was deleted longer ago than --older-than, of the keys that begin with PREFIX."""

    def chosen() -> list[Deleted]:
        before = oldest(older_than)
        return [each for each in deleted(context.obj, prefix) if each.time <= before]

    found = _done(context, "empty the trash", chosen)
    if not dry_run:
        report = _done(context, "empty the trash", lambda: context.obj.delete_many(each.entry for each in found))
        for failure in report.failed:
            raise failure.error
    size = sum(each.size for each in found)
    click.echo(f"{'would remove' if dry_run else 'removed'} {len(found)} deleted assets, {size} bytes", err=True)


def _done(context: click.Context, op: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except AssetStoreError as error:
        error.op, error.store = op, context.obj.name
        raise
