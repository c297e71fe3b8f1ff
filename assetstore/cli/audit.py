"""The command ``audit``."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import attrs
import click

from assetstore.cli import errors, expected_keys
from assetstore.cli.expected_keys import FORMS, composed
from assetstore.cli.session import Session, ask_to_delete, command, dry_run_option, where
from assetstore.cli.text import counted, readable_age, readable_size, shown
from assetstore.cli.values import as_age
from assetstore.limits import PAGE, PENDING
from assetstore.results import AssetInfo
from assetstore.store import AssetStore

STATES = AGREE, MISSING, OTHER_SIZE, ORPHANED, YOUNG, WAITING = (
    *("agree", "missing", "other size"),
    *("orphaned", "young", "pending"),
)
DIFFERENT = (MISSING, OTHER_SIZE, ORPHANED)


@attrs.define
class Tally:
    """Assets that are counted together.

    Attributes:
        count: how many.
        size: their bytes.
        oldest: when the oldest was last modified, if known.
    """

    count: int = 0
    size: int = 0
    oldest: datetime | None = None

    def add(self, info: AssetInfo) -> None:
        """Count an asset."""
        self.count += 1
        self.size += info.size
        if info.last_modified is not None:
            self.oldest = min(self.oldest or info.last_modified, info.last_modified)


@attrs.frozen
class Audit:
    """Compares what a store holds with what is expected.

    Attributes:
        expected: the size of each expected key, ``None`` if it is unknown.
        prefix: the beginning of the keys that are compared.
        older_than: how old an orphan must be; a younger one may belong to an upload that is not recorded yet.
        now: the time that ages are counted to.
        tallies: the assets of each state.
    """

    expected: dict[str, int | None]
    prefix: str
    older_than: timedelta | None
    now: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    tallies: dict[str, Tally] = attrs.field(factory=lambda: {state: Tally() for state in STATES})

    def compare(self, store: AssetStore) -> Iterator[tuple[str, str, AssetInfo | None]]:
        """Yield state and key of each asset that is stored or expected, and its entry in the listing if it is stored."""
        missing = set(self.expected)
        for info in store.list(self.prefix):
            key = composed(info.key)
            missing.discard(key)
            state = self._known(key, info) if key in self.expected else self._unknown(key, info)
            self.tallies[state].add(info)
            yield state, info.key, info
        for key in sorted(missing):
            self.tallies[MISSING].count += 1
            yield MISSING, key, None

    def _known(self, key: str, info: AssetInfo) -> str:
        return AGREE if self.expected[key] in (None, info.size) else OTHER_SIZE

    def _unknown(self, key: str, info: AssetInfo) -> str:
        if key.startswith(PENDING) and not self.prefix.startswith(PENDING):
            return WAITING
        if self.older_than is None:
            return ORPHANED
        # An orphan of unknown age is never old enough.
        old = info.last_modified is not None and self.now - info.last_modified > self.older_than
        return ORPHANED if old else YOUNG


@command("audit",
    examples=(
        "assetstore audit keys.txt",
        "assetstore audit --sql game.sqlite 'select key, size from assets' --long",
        "psql --csv -tc 'select key, size from assets' | assetstore audit - --format csv",
        "assetstore audit keys.txt --delete-orphans --older-than 7d --dry-run",
    ),
)
@click.argument("expected", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True), metavar="[FILE]")
@click.option(
    "--sql",
    nargs=2,
    type=(click.Path(exists=True, dir_okay=False), str),
    metavar="DATABASE QUERY",
    help="Take keys and sizes from a query of an SQLite database.",
)
@click.option("--format", "form", type=click.Choice(list(FORMS)), help="The form of FILE; by default its suffix says it.")
@click.option("--prefix", default="", metavar="PREFIX", help="Compare only the keys that begin with this.")
@click.option("-l", "--long", "detailed", is_flag=True, help="Show each key that is missing, orphaned or of another size.")
@click.option("--older-than", callback=as_age, metavar="AGE", help="Count only older orphans: 12h, 7d, 4w.")
@click.option("--delete-orphans", is_flag=True, help="Delete the orphans; needs --older-than.")
@click.option("--force", is_flag=True, help="Delete orphans even if no expected key is stored.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@dry_run_option
def audit_command(
    session: Session,
    expected: str | None,
    sql: tuple[str, str] | None,
    form: str | None,
    prefix: str,
    detailed: bool,
    older_than: timedelta | None,
    delete_orphans: bool,
    force: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Compare the keys that are expected with those that are stored.

    FILE, or stdin for -, has a key in each line, which a tab and its size may follow; or it is CSV with key and size; or it
    has JSON lines with key and size. Shows counts: of assets that agree, are missing (expected, not stored), orphaned
    (stored, not expected), or have another size. Orphans are young up to the age of --older-than. Keys under pending/, where
    uploads wait to be finished, are orphans only with a --prefix there.

    Exits with 5 if any asset is missing, orphaned or of another size.
    """
    if (expected is None) == (sql is None):
        raise click.UsageError("the expected keys must come from a FILE, from - (stdin) or from --sql")
    if delete_orphans and older_than is None:
        raise click.UsageError("--delete-orphans needs --older-than, because an upload may not be recorded yet")
    # Read before the listing, so that what is uploaded meanwhile is an orphan at worst, and a young one.
    rows = expected_keys.query(*sql) if sql else expected_keys.read_file(expected or "-", form)
    audit = Audit(expected_keys.collect(rows, prefix), prefix, older_than)
    store = session.open()
    orphans: list[AssetInfo] = []
    missing: list[str] = []
    for state, key, info in audit.compare(store):
        if detailed and state in DIFFERENT:
            _show(session, audit, state, key, info)
        if delete_orphans and state == ORPHANED and info is not None:
            orphans.append(info)
        if delete_orphans and state == MISSING:
            missing.append(key)
    _sum_up(session, audit, store)
    if orphans:
        _refuse_misread(missing, orphans)
        _refuse_or_ask(audit, store, sure=yes or dry_run, force=force)
        _delete(session, audit, store, orphans, detailed=detailed, dry_run=dry_run)
    session.finish()
    left = sum(audit.tallies[state].count for state in DIFFERENT) - session.done
    raise click.exceptions.Exit(errors.SOME_FAILED if left else errors.DONE)


def _show(session: Session, audit: Audit, state: str, key: str, info: AssetInfo | None) -> None:
    size, wanted = info.size if info else None, audit.expected.get(composed(key))
    moment = info.last_modified if info else None
    if session.as_json:
        modified = moment.isoformat() if moment else None
        session.record({"state": _name(state), "key": key, "size": size, "expected_size": wanted, "last_modified": modified})
        return
    bytes_shown = "-" if size is None else readable_size(size)
    why = f"  ({size:,} bytes instead of {wanted:,})" if state == OTHER_SIZE else ""
    session.line(f"{state:<10}  {bytes_shown:>10}  {readable_age(moment, audit.now):>5}  {shown(key)}{why}")


def _name(state: str) -> str:
    return state.replace(" ", "_")


def _sum_up(session: Session, audit: Audit, store: AssetStore) -> None:
    if session.as_json:
        tallies = {
            _name(state): {"count": tally.count, "bytes": tally.size, "oldest": tally.oldest and tally.oldest.isoformat()}
            for state, tally in audit.tallies.items()
        }
        session.record({"op": "audit", "store": store.name, "prefix": audit.prefix, **tallies})
        return
    rows = []
    for state, tally in audit.tallies.items():
        size = "-" if state == MISSING else readable_size(tally.size)
        rows.append([state, f"{tally.count:,}", size, readable_age(tally.oldest, audit.now)])
    session.table(["assets", ">count", ">bytes", ">oldest"], rows)


def _refuse_misread(missing: Sequence[str], orphans: Sequence[AssetInfo]) -> None:
    """Refuse to delete an orphan whose key is expected, if the keys were read as they were meant.

    Raises:
        click.UsageError: a missing key without its blanks, quotes or first slash is that of an orphan.
    """
    stored = {composed(info.key) for info in orphans}
    for key in missing:
        for meant in (key.strip(), key.strip().strip("\"'"), key.lstrip("/"), next(csv.reader([key]), [key])[0]):
            if meant != key and meant in stored:
                raise click.UsageError(
                    f"{shown(key)} is expected and not stored, and {shown(meant)} would be deleted as an orphan; "
                    "check --format and the keys"
                )


def _refuse_or_ask(audit: Audit, store: AssetStore, *, sure: bool, force: bool) -> None:
    """Refuse to delete orphans of a store that has nothing in common with what is expected; otherwise ask.

    Raises:
        click.UsageError: it is refused, or stdin is not a terminal.
        click.exceptions.Exit: the answer is no.
    """
    orphans = audit.tallies[ORPHANED]
    if not force and not audit.tallies[AGREE].count + audit.tallies[OTHER_SIZE].count:
        raise click.UsageError(
            "no expected key is stored, so every asset would be deleted as an orphan; "
            "check the store, the keys, --format and --prefix, or use --force"
        )
    if sure:
        return
    ask_to_delete(f"{counted(orphans.count, 'orphan')} ({readable_size(orphans.size)})", where(store))


def _delete(
    session: Session, audit: Audit, store: AssetStore, orphans: Sequence[AssetInfo], *, detailed: bool, dry_run: bool
) -> None:
    """Delete the orphans batch by batch, or tell what would be deleted."""
    done = "would delete" if dry_run else "deleted"
    remaining = iter(orphans)
    while batch := list(itertools.islice(remaining, PAGE)):
        report = None if dry_run else store.delete_many(batch)
        for key in [info.key for info in batch] if report is None else report.deleted:
            session.done += not dry_run
            if detailed and session.as_json:
                session.record({"op": "delete", **({"dry_run": True} if dry_run else {}), "key": key, "store": store.name})
            if detailed:
                session.talk(f"{done} {shown(key)} from {where(store)}")
        for failure in report.failed if report else ():
            with session.item("delete", failure.key):
                raise failure.error
    count = len(orphans) if dry_run else session.done
    session.talk(f"{done} {counted(count, 'orphan')} from {where(store)}")
