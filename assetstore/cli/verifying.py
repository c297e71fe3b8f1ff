"""The command ``verify``: reads a whole store and compares the bytes with the stored digests."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assetstore.bulk.cost import cost_of
from assetstore.cli import errors
from assetstore.cli.completion import complete_files, complete_stores
from assetstore.cli.session import Session, command, dry_run_option, max_concurrency_option, output_options
from assetstore.cli.text import as_record, counted, plain, readable_duration, readable_size, shown
from assetstore.errors import AlreadyExistsError, InvalidOptionError
from assetstore.sync.sides import StoreSide

if TYPE_CHECKING:
    from assetstore.sync import Verified, VerifyCost, VerifyReport
    from assetstore.sync.sides import Side

WORDS = {"damaged": "damaged", "no_digest": "no digest", "unreadable": "unreadable"}


@command("verify",
    examples=(
        "assetstore verify prod: --dry-run",
        "assetstore verify prod:art/ --report art.csv",
        "assetstore -s prod verify --report all.jsonl",
    ),
)
@click.argument("address", required=False, metavar="[STORE[:PREFIX]]", shell_complete=complete_stores)
@click.option(
    "--report",
    metavar="FILE",
    shell_complete=complete_files,
    help="Write a line for each asset: CSV, or JSON for *.json and *.jsonl. A run that was broken off goes on with it.",
)
@max_concurrency_option
@dry_run_option
@output_options
def verify_command(
    session: Session, address: str | None, report: str | None, max_concurrency: int | None, dry_run: bool
) -> None:
    """Read every asset and compare it with its stored digest.

    STORE is the name of a store or a URL; NAME:PREFIX is a folder of keys in it. Each line is an asset that is damaged, that
    cannot be read, or, with -v, that has no digest and so cannot be verified. What is damaged was read twice.

    Every byte is read, which costs requests and on some services the traffic; -n says how much. With --report a run that
    was broken off, even killed, goes on behind the last asset of the report when the same command is run again. Until it is
    complete, the report has .part behind its name.

    Exit codes: 0 every asset matches its digest, 5 some are damaged or unreadable, 7 none is, but some have no digest.
    """
    from assetstore.sync import verify

    [side] = session.sides(address or ":")
    cost = _cost(session, side, report, dry_run=dry_run)
    if dry_run:
        return
    began = time.monotonic()
    verb = "verifying" if cost is None or cost.resumed_after is None else "resuming"
    try:
        with session.working(verb, None if cost is None else cost.size, data_on_stdout=True) as bar:
            found = verify(
                side,
                report=report,
                max_concurrency=max_concurrency,
                found=lambda verified: _show(session, verified),
                progress=bar.advance,
            )
    except (AlreadyExistsError, InvalidOptionError):
        raise  # nothing was done
    except BaseException:
        if report is not None and Path(f"{report}.part").exists():
            session.talk(f"{shown(f'{report}.part')} holds what was verified: run it again to go on from there")
        raise
    _close(session, found, report, time.monotonic() - began)
    if not found.sound:
        raise click.exceptions.Exit(errors.SOME_FAILED if found.damaged or found.unreadable else errors.NOT_COMPARED)


def _cost(session: Session, side: Side, report: str | None, *, dry_run: bool) -> VerifyCost | None:
    """Return what will be read, which a dry run and a bar need to know; write it for a dry run."""
    from assetstore.sync import verify_cost

    if not dry_run and (session.quiet or session.no_progress or not sys.stderr.isatty()):
        return None
    found = verify_cost(side, report=report)
    if dry_run:
        assert isinstance(side, StoreSide)
        _tell(session, found, side.store.prices)
    return found


def _tell(session: Session, found: VerifyCost, prices: Mapping[str, float]) -> None:
    """Write what would be read, and where a service charges for it, the requests and their price if it is known."""
    sums = {"requests_A": found.pages, "requests_B": found.assets, "bytes": found.size}
    cost = cost_of("reads", sums, prices) if {"A", "B"} <= prices.keys() else None
    if session.as_json:
        session.record({"op": "verify", "dry_run": True, **as_record(found), "cost": cost and cost.as_record()})
    rest = "" if found.resumed_after is None else f", after {shown(found.resumed_after)}"
    requests = f"; {counted(found.pages, 'request')} of class A, {found.assets:,} of class B" if prices else ""
    price = "" if cost is None else f", cost {cost.cost:,.6f}"
    what = f"{counted(found.assets, 'asset')}, {readable_size(found.size)} of {shown(found.store)}"
    session.talk(f"would read {what}{rest}{requests}{price}")


def _show(session: Session, verified: Verified) -> None:
    if session.as_json:
        session.record(as_record(verified))
    elif verified.state != "no_digest" or session.verbose:
        why = f"  ({plain(verified.error)})" if verified.error else ""
        session.line(f"{WORDS[verified.state]:<10}  {shown(verified.key)}{why}")


def _close(session: Session, found: VerifyReport, report: str | None, seconds: float) -> None:
    """Write the closing line, and with ``--json`` the closing record."""
    if session.as_json:
        session.record({"op": "verify", **as_record(found), "report": report})
    parts = [f"{found.ok:,} ok"]
    for count, words in ((found.damaged, "damaged"), (found.unreadable, "unreadable"), (found.no_digest, "without digest")):
        parts += [f"{count:,} {words}"] if count else []
    resumed = "" if found.resumed_after is None else f"; resumed after {shown(found.resumed_after)}"
    where = "" if report is None else f"; report: {shown(report)}"
    what = f"verified {readable_size(found.size)} of {shown(found.store)} in {readable_duration(seconds)}"
    session.talk(f"{what}: {', '.join(parts)}{resumed}{where}")
