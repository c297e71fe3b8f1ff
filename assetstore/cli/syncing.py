"""The command ``sync``: makes a destination hold what a source holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import click

from assetstore.cli import errors
from assetstore.cli.completion import complete_files
from assetstore.cli.selection import filter_options
from assetstore.cli.session import Session, command, dry_run_option, max_concurrency_option, output_options
from assetstore.cli.text import as_record, counted, name_options, plain, readable_duration, readable_size, shown
from assetstore.errors import AssetStoreError

if TYPE_CHECKING:
    from assetstore.keys import Filter
    from assetstore.sync import Action, SyncPlan, SyncReport

WORDS = {
    "new": ("new", "would send"),
    "changed": ("changed", "would send"),
    "headers": ("headers", "would change the headers of"),
    "renamed": ("renamed", "would copy"),
    "deleted": ("deleted", "would delete"),
}
"""For each kind of action the word for what was done, and the words for what would be."""
MOST_REFUSALS = 20
_DIRECTIVES = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")


@attrs.define(eq=False)
class Sync:
    """What one run shows.

    Attributes:
        session: writes it.
        dry_run: whether nothing is done.
        plan: what is to be done, once that is known.
        finished: how many actions were done.
        by_size: whether the bar counts bytes; otherwise actions.
    """

    session: Session
    dry_run: bool
    plan: SyncPlan | None = None
    finished: int = 0
    by_size: bool = True

    def planned(self, plan: SyncPlan) -> None:
        """Begin the bar anew, with what is to be done."""
        self.plan, self.by_size = plan, plan.bytes > 0
        for failure in plan.unreadable:
            self.session.fail("sync", failure.key, failure.error, what=f"read {shown(failure.key)}")
        if self.session.bar is not None and not self.dry_run:
            total, noun = (plan.bytes, None) if self.by_size else (plan.actions, "action")
            self.session.bar.begin("syncing", total, noun)

    def done(self, action: Action, error: Exception | None) -> None:
        """Show one action, and what went wrong."""
        bar = self.session.bar
        if bar is not None:
            bar.label = shown(action.key)
            bar.advance(0 if self.by_size or self.dry_run else 1)
        if error is not None:
            self.session.fail("sync", action.key, error)
            return
        self.finished += 1
        self.session.detail(self._line(action), needed=self.dry_run)
        if self.session.as_json:
            record = {"op": "sync", "action": action.kind, **as_record(action)}
            del record["kind"]
            self.session.record({**record, **({"dry_run": True} if self.dry_run else {})})

    def sent(self, count: int) -> None:
        """Advance the bar by bytes."""
        if self.session.bar is not None and self.by_size:
            self.session.bar.advance(count)

    def _line(self, action: Action) -> str:
        was, would = WORDS[action.kind]
        origin = "" if action.origin is None else f"{shown(action.origin)} -> "
        why = {"changed": f"  ({action.fact})", "new": "  (new)" if self.dry_run else ""}.get(action.kind, "")
        return f"{would if self.dry_run else was} {origin}{shown(action.key)}{why}"


@command("sync",
    examples=(
        "assetstore sync ./art prod:art/ -n",
        "assetstore sync ./art prod:art/ --delete --max-delete 5%",
        "assetstore sync ./site prod: --last 'index.html' --cache-control '*.webp=max-age=31536000'",
        "assetstore sync dev:maps/ prod:maps/ --exclude '*.psd'",
    ),
)
@click.argument("source", shell_complete=complete_files)
@click.argument("destination", shell_complete=complete_files)
@click.option("--delete", is_flag=True, help="Delete what the destination alone has, after all else went well.")
@click.option(
    "--max-delete",
    metavar="N|P%",
    callback=lambda context, parameter, value: int(value) if (value or "").isdecimal() else value,
    help="Begin only if --delete deletes at most N assets, or P% of the destination.",
)
@click.option("--allow-empty", is_flag=True, help="Let the source have no asset at all.")
@click.option("--last", multiple=True, metavar="GLOB", help="Write what matches after all else went well; repeatable.")
@click.option("--skip-existing", is_flag=True, help="Leave alone what the destination has, whatever is in it.")
@click.option("--update", is_flag=True, help="Leave alone what is newer at the destination.")
@click.option("--checksum", is_flag=True, help="Compare digests alone, and read the files that seem unchanged.")
@click.option("--size-only", is_flag=True, help="Compare sizes alone.")
@click.option("--times", is_flag=True, help="Keep the times of files, in the metadata mtime.")
@click.option(
    "--cache-control",
    multiple=True,
    metavar="GLOB=VALUE",
    help="Give what matches this Cache-Control, unchanged assets too; repeatable, the last that matches wins.",
)
@click.option("--no-renames", is_flag=True, help="Send what the destination has under another name, too.")
@filter_options
@max_concurrency_option
@dry_run_option
@output_options
def sync_command(
    session: Session,
    source: str,
    destination: str,
    cache_control: Sequence[str],
    no_renames: bool,
    filtering: Filter,
    dry_run: bool,
    **options: Any,
) -> None:
    """Make a store or folder hold what another holds.

    SOURCE and DESTINATION are addresses: NAME:key, a URL, or the path of a folder; a folder of keys needs no / at its end.
    Sizes and digests decide what is sent, and times where there is no digest. First both sides are compared to the end,
    which -n shows; only then is anything changed. Nothing is deleted unless --delete says so, and never after a listing that
    failed, a file that could not be read, or an asset that could not be sent. --include and --exclude hold for both sides.

    Ctrl-C leaves nothing half-written: the same command again goes on with what is left.

    Exit codes: 0 the destination is as it was asked for, 3 the source is missing, 5 some assets failed, 6 refused before
    anything was changed, with all reasons: an empty source, too many deletions, keys that the destination cannot hold.
    """
    from assetstore.sync import sync

    run = Sync(session, dry_run)
    # Failures of items are told one by one, and all others by the closing line.
    session.several()
    sides = session.sides(source, destination)
    with session.resuming(), session.working("comparing", None, noun="asset") as bar, _explained(session, run):
        report = sync(
            *sides,
            compared=bar.advance,
            planned=run.planned,
            done=run.done,
            progress=run.sent,
            include=filtering.include,
            exclude=filtering.exclude,
            ignore_case=filtering.ignore_case,
            headers={glob: {"cache_control": value} for glob, value in map(_rule, cache_control)},
            renames=not no_renames,
            dry_run=dry_run,
            **options,
        )
    _close(session, report)
    if report.stopped is not None:
        raise report.stopped
    if not report.ok:
        raise click.exceptions.Exit(errors.SOME_FAILED)


def _rule(text: str) -> tuple[str, str]:
    """Return glob and value of a rule."""
    glob, equals, value = text.partition("=")
    if not equals or not glob or glob.lower() in _DIRECTIVES:
        raise click.UsageError(f"--cache-control must be GLOB=VALUE, for example '*=max-age=60', got {shown(text)}")
    return glob, value


@contextlib.contextmanager
def _explained(session: Session, run: Sync) -> Iterator[None]:
    """List the reasons of a refusal, name options as they are typed, and say after Ctrl-C how to go on."""
    from assetstore.sync import SyncRefusedError
    from assetstore.sync.options import SyncKeywords

    try:
        yield
    except KeyboardInterrupt:
        if run.plan is not None and not run.dry_run:
            done = f"{run.finished:,} of {counted(run.plan.actions, 'change')}"
            session.talk(f"{done} done, and nothing is half-written: run it again to go on")
        raise
    except AssetStoreError as error:
        error.op = error.op or "sync"
        name_options(error, SyncKeywords.__annotations__)
        for refusal in error.refusals if isinstance(error, SyncRefusedError) else ():
            if session.as_json:
                session.record({"op": "sync", "refused": True, "key": refusal.key, "why": refusal.message})
        if isinstance(error, SyncRefusedError):
            _show_refusals(session, error)
        raise


def _show_refusals(session: Session, error: Any) -> None:
    named = [refusal for refusal in error.refusals if refusal.key is not None]
    for refusal in named[:MOST_REFUSALS]:
        session.talk(f"refused {shown(refusal.key)}: {plain(refusal.message)}")
    if len(named) > MOST_REFUSALS:
        session.talk(f"refused {len(named) - MOST_REFUSALS:,} more, which --json lists")


def _close(session: Session, report: SyncReport) -> None:
    """Write the closing line, and with ``--json`` the closing record."""
    if session.as_json:
        record = {"op": "sync", **as_record(report), **as_record(report.counts)}
        session.record({name: value for name, value in record.items() if name not in ("counts", "errors", "stopped")})
    rest = "".join(
        f"; {count:,} {words}" for count, words in ((report.failed, "failed"), (report.withheld, "withheld")) if count
    )
    slowed = "; a store asked for fewer requests, or could not be reached for a while" if report.slowed else ""
    session.talk(f"{_sum(report)}{rest}{slowed}")


def _sum(report: SyncReport) -> str:
    """Return in words how many assets were written, deleted and left."""
    counts: dict[str, int] = attrs.asdict(report.counts)
    written = sum(counts[kind] for kind in WORDS if kind != "deleted")
    took = "" if report.dry_run else f" in {readable_duration(report.seconds)}"
    where = shown(report.destination)
    if not written and not counts["deleted"] and report.ok:
        skipped = f", {counts['skipped']:,} skipped" if counts["skipped"] else ""
        return f"{where} is up to date: {counted(counts['unchanged'], 'asset')} unchanged{skipped}{took}"
    words = {"headers": "with new headers"}
    parts = ", ".join(f"{count:,} {words.get(kind, kind)}" for kind, count in counts.items() if count)
    done = "would sync" if report.dry_run else "synced"
    what = f"{done} {written:,} of {counted(sum(counts.values()) + report.failed + report.withheld, 'asset')}"
    return f"{what}: {parts or 'none'} -> {where}, {readable_size(report.bytes)}{took}"
