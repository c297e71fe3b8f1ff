"""The command ``gc``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import click

from assetstore.cli.completion import complete_stores
from assetstore.cli.session import Session, ask_to_delete, command, where
from assetstore.cli.text import as_record, counted, readable_age, readable_size, shown
from assetstore.cli.values import as_age
from assetstore.content import part_files
from assetstore.options import CollectOptions
from assetstore.results import CollectReport, Leftover
from assetstore.store import AssetStore


@attrs.frozen
class Collection:
    """Leftovers of a store or a folder.

    Attributes:
        session: prints them.
        location: the store or folder, for messages.
        collect: finds them, and removes them if its argument is true.
    """

    session: Session
    location: str
    collect: Callable[[bool], CollectReport]

    def run(self, *, delete: bool, sure: bool) -> None:
        """Show the leftovers, and delete them once that is wanted and confirmed."""
        report = self.collect(delete and sure)
        self._show(report)
        count, size = _sum(report)
        if delete and not sure and count:
            ask_to_delete(f"{counted(count, 'leftover')} ({readable_size(size)})", self.location)
            report = self.collect(True)
        self._sum_up(report, delete=delete)

    def _show(self, report: CollectReport) -> None:
        # What failed is shown as an error, at the end.
        items = [item for item in report.items if item.error is None]
        if self.session.as_json:
            for item in items:
                self.session.record({"op": "gc", **as_record(item)})
        elif items:
            rows = [[item.kind, readable_age(item.modified), _bytes(item), shown(item.name)] for item in items]
            self.session.table(["leftover", ">age", ">bytes", "name"], rows)

    def _sum_up(self, report: CollectReport, *, delete: bool) -> None:
        self.session.done = sum(item.error is None for item in report.items)
        for item in report.items:
            if item.error is not None:
                self.session.fail("gc", item.name, item.error)
            elif item.repaired:
                self.session.talk(f"repaired {shown(item.name)}: {item.detail}")
        count, size = _sum(report)
        after = "; --delete deletes what is left over" if count and not delete else ""
        done = "deleted" if delete else "found"
        self.session.talk(f"{done} {counted(count, 'leftover')}, {readable_size(size)}, in {self.location}{after}")
        self.session.finish()


def _sum(report: CollectReport) -> tuple[int, int]:
    """Return count and bytes of what was deleted, or can be."""
    items = [item for item in report.items if item.error is None and not item.repaired]
    return len(items), sum(item.size or 0 for item in items)


def _bytes(item: Leftover) -> str:
    return "-" if item.size is None else readable_size(item.size)


@command("gc",
    examples=(
        "assetstore gc",
        "assetstore gc prod --older-than 7d --delete",
        "assetstore gc file:assets --delete --yes --json",
        "assetstore gc --downloads out/ --delete",
    ),
)
@click.argument("store", required=False, shell_complete=complete_stores)
@click.option(
    "--older-than", callback=as_age, default="24h", show_default=True, metavar="AGE", help="What did not change for so long."
)
@click.option("--delete", is_flag=True, help="Delete what is found.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--repair", is_flag=True, help="Rebuild damaged records of a folder, as far as the bytes tell.")
@click.option(
    "--downloads",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Look for unfinished downloads in this folder, and not for those of a store.",
)
def gc_command(
    session: Session, store: str | None, older_than: timedelta, delete: bool, yes: bool, repair: bool, downloads: str | None
) -> None:
    """Find what interrupted work left behind, and delete it.

    Shows each leftover with its age, its bytes and its name: unfinished files, records without an asset and emptied folders
    of a folder, uploads in parts that nobody ended, and direct uploads that nobody finished. Of a bucket, uploads in parts
    of other programs are shown too; R2 ends each by itself seven days after it began. Nothing is deleted without --delete,
    and nothing at all that changed within the last hour. STORE is a name from the configuration or a URL.
    """
    if downloads is not None:
        if store or session.store_name or repair:
            raise click.UsageError("--downloads looks in a folder, so it must be given without a store and without --repair")
        collection = _of_downloads(session, downloads, older_than)
    else:
        session.store_name = store or session.store_name
        collection = _of_store(session, session.open(), older_than, repair=repair)
    collection.run(delete=delete, sure=yes)


def _of_downloads(session: Session, folder: str, older_than: timedelta) -> Collection:
    def collect(remove: bool) -> CollectReport:
        return part_files.collect(folder, CollectOptions(older_than=older_than, remove=remove))

    return Collection(session, shown(folder), collect)


def _of_store(session: Session, store: AssetStore, older_than: timedelta, *, repair: bool) -> Collection:
    def collect(remove: bool) -> CollectReport:
        return store.collect(older_than=older_than, remove=remove, repair=repair)

    return Collection(session, where(store), collect)
