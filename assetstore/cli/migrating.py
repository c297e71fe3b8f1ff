"""The command ``migrate`` with its own commands ``plan``, ``run``, ``status``, ``report`` and ``verify``."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import click

from assetstore.cli import errors
from assetstore.cli.completion import complete_files
from assetstore.cli.loglines import printing_log_lines
from assetstore.cli.session import Session, command, json_option, max_concurrency_option, output_options, store_option
from assetstore.cli.text import as_record, counted, plain, readable_duration, readable_size, shown
from assetstore.cli.values import as_bytes, as_seconds, pairs

if TYPE_CHECKING:
    from assetstore.migrate import Difference, Plan, RunReport, ShardResult, Status, Verification


@click.group("migrate")
@json_option
@store_option
def migrate_command() -> None:
    """Move a store of any size to another one, in shards.

    "plan" compares both sides and writes shards of at most 10,000 assets into a work folder, which may lie in any store.
    "run" copies them; start it as often and on as many machines as you like, and again after any interruption. "status",
    "report" and "verify" say how far it is, what failed, where each asset is now, and whether all of them arrived. A second
    "plan" has only what changed since, so that you can cut over.
    """
    root = click.get_current_context().find_root()
    root.with_resource(printing_log_lines())

    def close() -> None:
        from assetstore.migrate.stores import close_opened

        close_opened()

    root.call_on_close(close)


def _prices(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, float] | None:
    try:
        return {name: float(text) for name, text in (pairs(context, parameter, value) or {}).items()} or None
    except ValueError:
        raise click.BadParameter("must be a number, for example A=4.5", context, parameter) from None


@command("plan",
    examples=(
        "assetstore migrate plan old: new: work:migrations/2026/",
        "assetstore migrate plan old:maps/ new:maps/ ./migration --rate 2000 --bandwidth 200MB",
    ),
)
@click.argument("source")
@click.argument("destination")
@click.argument("work", shell_complete=complete_files)
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=500.0, metavar="N",
    help="Reckon with so many small assets a second, all processes together; by default 500.")
@click.option("--bandwidth", callback=as_bytes, default="100MB", metavar="SIZE",
    help="Reckon with so many bytes a second; by default 100MB.")
@click.option("--price", "prices", multiple=True, callback=_prices, metavar="CLASS=PRICE",
    help="What a million requests of a class cost, as A=4.5, and out=0.09 a GB that is read; by default each store's own.")
@click.option("--shard-keys", type=click.IntRange(1, 10_000), default=10_000, metavar="N",
    help="The most assets of a shard; by default 10,000.")
@click.option("--lease", "lease_seconds", callback=as_seconds, default="60s", metavar="TIME",
    help="How long a shard of a process that was killed stays untouched; by default 60s.")
@click.option("--overwrite-newer", is_flag=True, help="Copy also over what is newer at the destination.")
@click.option("--anew", is_flag=True, help="Begin an interrupted plan from its start.")
@output_options
def plan_command(session: Session, rate: float, bandwidth: int, **options: Any) -> None:
    """Plan what must be copied.

    SOURCE and DESTINATION are stores or folders in them: NAME:folder/ of a configured store, or a URL without secrets.
    WORK is the work folder: an address, or the path of a folder. A plan that was interrupted goes on where it ended.

    Exit codes: 0 planned, 5 planned, and the destination cannot hold some keys, which are shown.
    """
    from assetstore.migrate import Rates, plan

    began = time.monotonic()
    with session.working("planning", None, noun="key") as bar:
        made = plan(progress=bar.advance, rates=Rates(objects=rate, bytes=float(bandwidth)), **options)
    _show_plan(session, made, time.monotonic() - began)
    if made.tally.refused:
        raise click.exceptions.Exit(errors.SOME_FAILED)


def _show_plan(session: Session, made: Plan, seconds: float) -> None:
    tally = made.tally
    if session.as_json:
        record = {name: value for name, value in made.as_record().items() if name != "format"}
        session.record({"op": "plan", **record})
    else:
        for key, why in made.refusals:
            session.line(f"refused  {shown(key)}  ({plain(why)})")
        if tally.refused > len(made.refusals):
            session.line(f"refused  … and {tally.refused - len(made.refusals):,} more")
    sent = ", ".join(f"{count:,} requests of class {kind}" for kind, count in sorted(made.requests.items()))
    cost = f": {sent}, {_dollars(made.dollars)}" if made.dollars is not None else ""
    rest = (
        *((tally.headers, "with headers to compare"), (tally.equal, "equal"), (tally.newer, "newer there")),
        *((tally.refused, "refused"), (tally.extra, "only there")),
    )
    session.talk(
        f"planned {counted(tally.objects, 'asset')}, {readable_size(tally.bytes)} in {counted(made.shards, 'shard')} from"
        f" {shown(made.source_name)} to {shown(made.destination_name)}, in {readable_duration(seconds)}{cost}"
        f"; about {readable_duration(made.hours * 3600)} to run{_tail(*rest)}"
    )


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 0.01 or not amount else "less than $0.01"


def _tail(*counts: tuple[int, str]) -> str:
    return "".join(f", {count:,} {words}" for count, words in counts if count)


@command("run",
    examples=(
        "assetstore migrate run work:migrations/2026/",
        "assetstore migrate run work:migrations/2026/ --engine dask://scheduler:8786",
    ),
)
@click.argument("work", shell_complete=complete_files)
@click.option("--engine", default="threads", metavar="ENGINE",
    help="Where shards run: threads, dask, dask:N, dask://HOST:PORT, or another engine; by default threads.")
@click.option("--skip-refused", is_flag=True, help="Run although the destination cannot hold some keys; they fail.")
@click.option("--no-wait", is_flag=True, help="End when all that is left is held by other processes.")
@max_concurrency_option
@output_options
def run_command(session: Session, work: str, no_wait: bool, **options: Any) -> None:
    """Run the newest plan until each of its shards has a result.

    Start any number of processes with the same WORK. What was killed or interrupted is done again, one shard at most, and
    what that had copied is not sent again. An asset that has changed at either side since the plan fails and is kept.

    Exit codes: 0 no asset of the plan has failed, 5 some have, in this run or another one; "report" shows them.
    """
    from assetstore.migrate import run, status

    before = status(work)
    left = before.objects - before.copied - before.present - before.failed
    with session.working("migrating", left, noun="asset") as bar:
        reported: list[int] = []

        def progress(count: int, size: int) -> None:
            reported[:] = [count]
            bar.advance(count)

        def on_result(result: ShardResult) -> None:
            if session.as_json and session.verbose:
                session.record({"op": "shard", **as_record(result)})
            if not reported:  # the engine works elsewhere
                bar.advance(result.copied + result.present + result.failed)

        report = run(work, wait=not no_wait, progress=progress, on_result=on_result, **options)
    _show_run(session, report)
    if report.failed or report.failed_elsewhere:
        raise click.exceptions.Exit(errors.SOME_FAILED)


def _show_run(session: Session, report: RunReport) -> None:
    if session.as_json:
        session.record({"op": "run", **as_record(report)})
    rest = (
        *((report.present, "there already"), (report.failed, "failed")),
        *((report.failed_elsewhere, "failed in other runs"), (report.left, "shards left")),
    )
    session.talk(
        f"migrated {counted(report.copied, 'asset')}, {readable_size(report.bytes)} in"
        f" {readable_duration(report.seconds)}, {counted(report.done, 'shard')} of {report.shards:,}{_tail(*rest)}"
    )


@command("status", examples=("assetstore migrate status work:migrations/2026/",))
@click.argument("work", shell_complete=complete_files)
@output_options
def status_command(session: Session, work: str) -> None:
    """Show how far the newest plan has come.

    A shard is stale when its process has given no sign of life for longer than the plan's lease; a run does it again.
    """
    from assetstore.migrate import status

    found = status(work)
    if session.as_json:
        session.record({"op": "status", **as_record(found)})
        return
    session.table(["what", ">count"], _status_rows(found))


def _status_rows(found: Status) -> list[list[str]]:
    rows = [["shards", f"{found.shards:,}"]]
    rows += [[f"shards {name}", f"{getattr(found, name):,}"] for name in ("done", "leased", "stale", "left")]
    rows += [["assets", f"{found.objects:,}"]]
    rows += [[f"assets {name}", f"{getattr(found, name):,}"] for name in ("copied", "present", "failed")]
    rows += [["bytes", readable_size(found.total_bytes)], ["bytes copied", readable_size(found.bytes)]]
    if found.objects_per_second is not None and found.bytes_per_second is not None:
        rows += [["assets a second", f"{found.objects_per_second:,.0f}"]]
        rows += [["bytes a second", readable_size(found.bytes_per_second)]]
    if found.seconds_left is not None:
        rows += [["time left", readable_duration(found.seconds_left)]]
    return rows


@command("report",
    examples=(
        "assetstore migrate report work:migrations/2026/ > failed.csv",
        "assetstore migrate report work:migrations/2026/ --links > links.csv",
    ),
)
@click.argument("work", shell_complete=complete_files)
@click.option("--links", "as_links", is_flag=True, help="Write where each copied asset was and where it is now: old,new.")
@output_options
def report_command(session: Session, work: str, as_links: bool) -> None:
    """Write the assets that were not copied as CSV: key, store, error, message; or with --json one object a line.

    With --links, write instead the old and the new address of every asset that the plans in WORK have copied: its public URL
    where a store has one, otherwise its key.
    """
    from assetstore.migrate import failed_assets, links
    from assetstore.sync.verify_file import csv_line

    count = 0
    head = ("old", "new") if as_links else ("key", "store", "error", "message")
    if not session.as_json:
        session.line(csv_line(head))
    found = links(work) if as_links else (tuple(as_record(one).values()) for one in failed_assets(work))
    for row in found:
        count += 1
        if session.as_json:
            session.record(dict(zip(head, row, strict=True)))
        else:
            session.line(csv_line(row))
    session.talk(f"reported {counted(count, 'link' if as_links else 'failed asset')}")


@command("verify",
    examples=(
        "assetstore migrate verify work:migrations/2026/",
        "assetstore migrate verify work:migrations/2026/ --download",
    ),
)
@click.argument("work", shell_complete=complete_files)
@click.option("--download", is_flag=True, help="Compare the bytes, which reads both sides whole.")
@max_concurrency_option
@output_options
def verify_command(session: Session, work: str, **options: Any) -> None:
    """Compare every planned asset with the destination, and write the result into the work folder.

    Sizes and digests are compared, times never. Each line is an asset that is missing, that differs, or that could not be
    compared because no digest of one kind is known on both sides; --download compares those.

    Exit codes: 0 everything arrived, 5 something is missing or differs, 7 something could not be compared.
    """
    from assetstore.migrate import verify

    began = time.monotonic()
    with session.working("verifying", None, data_on_stdout=True, noun="asset") as bar:
        show = functools.partial(_show_difference, session)
        verified = verify(work, found=show, progress=bar.advance, **options)
    _show_verified(session, verified, time.monotonic() - began)
    if not verified.same:
        found = verified.missing or verified.differs
        raise click.exceptions.Exit(errors.SOME_FAILED if found else errors.NOT_COMPARED)


def _show_difference(session: Session, difference: Difference) -> None:
    if session.as_json:
        session.record(as_record(difference))
        return
    why = f"  ({plain(difference.detail)})" if difference.detail else ""
    session.line(f"{difference.state.replace('_', ' '):<12}  {shown(difference.key)}{why}")


def _show_verified(session: Session, verified: Verification, seconds: float) -> None:
    if session.as_json:
        session.record({"op": "verify", **as_record(verified)})
    rest = ((verified.missing, "missing"), (verified.differs, "different"), (verified.not_compared, "not compared"))
    session.talk(f"verified {counted(verified.equal, 'asset')} in {readable_duration(seconds)}{_tail(*rest)}")


for _command in (plan_command, run_command, status_command, report_command, verify_command):
    migrate_command.add_command(_command)
