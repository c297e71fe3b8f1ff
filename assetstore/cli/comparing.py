"""The command ``check``: compares two stores or folders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from assetstore.cli import errors
from assetstore.cli.completion import complete_files
from assetstore.cli.selection import filter_options
from assetstore.cli.session import Session, command, max_concurrency_option, output_options
from assetstore.cli.text import as_record, name_options, plain, readable_duration, shown
from assetstore.errors import AssetStoreError

if TYPE_CHECKING:
    from assetstore.keys import Filter
    from assetstore.sync.comparison import CompareReport, Finding

WORDS = {
    "only_source": "only here",
    "only_destination": "only there",
    "differs": "differs",
    "not_compared": "not compared",
}


@command("check",
    examples=(
        "assetstore check ./art prod:art/",
        "assetstore check dev: prod: --exclude '*.psd'",
        "assetstore check prod:art/ backup:art/ --download",
    ),
)
@click.argument("source", shell_complete=complete_files)
@click.argument("destination", shell_complete=complete_files)
@click.option("--download", is_flag=True, help="Compare the bytes, which reads both sides whole.")
@click.option("--size-only", is_flag=True, help="Compare sizes alone.")
@click.option("--headers", is_flag=True, help="Compare headers and metadata too, which asks for each asset on both sides.")
@click.option("--allow-empty", is_flag=True, help="Let a side have no asset at all.")
@filter_options
@max_concurrency_option
@output_options
def check_command(session: Session, source: str, destination: str, filtering: Filter, **options: Any) -> None:
    """Compare two stores or folders and change nothing.

    SOURCE and DESTINATION are addresses: NAME:key, a URL, or the path of a folder. Each line is an asset that only the
    source has ("only here") or only the destination ("only there"), that differs, or that could not be compared.

    Sizes come first, then digests of one kind: those of the listings, or those that both stores keep. Files of a folder are
    read. Times are never compared. What no digest tells is counted as not compared, and never as equal.

    Exit codes: 0 everything is equal, 5 something differs, 7 nothing differs but something could not be compared. A side
    that is missing or empty is an error, with exit code 3.
    """
    from assetstore.sync.comparison import check

    began = time.monotonic()
    sides = session.sides(source, destination)
    with session.working("comparing", None, data_on_stdout=True, noun="asset") as bar:
        try:
            report = check(
                *sides,
                include=filtering.include,
                exclude=filtering.exclude,
                ignore_case=filtering.ignore_case,
                found=lambda finding: _show(session, finding),
                progress=bar.advance,
                **options,
            )
        except AssetStoreError as error:
            name_options(error, options)
            raise
    _close(session, report, time.monotonic() - began)
    if not report.same:
        raise click.exceptions.Exit(errors.SOME_FAILED if report.differences else errors.NOT_COMPARED)


def _show(session: Session, finding: Finding) -> None:
    if session.as_json:
        session.record(as_record(finding))
        return
    why = f"  ({plain(finding.detail)})" if finding.detail else ""
    session.line(f"{WORDS[finding.state]:<12}  {shown(finding.key)}{why}")


def _close(session: Session, report: CompareReport, seconds: float) -> None:
    """Write the closing line, and with ``--json`` the closing record."""
    if session.as_json:
        counts = {name: value for name, value in as_record(report).items() if name != "findings"}
        session.record({"op": "check", **counts})
    parts = [f"{report.equal:,} equal"]
    for count, words in (
        (report.only_source, "only here"),
        (report.only_destination, "only there"),
        (report.different, "different"),
        (report.not_compared, "not compared"),
    ):
        parts += [f"{count:,} {words}"] if count else []
    sides = f"{shown(report.source)} with {shown(report.destination)}"
    session.talk(f"compared {sides} in {readable_duration(seconds)}: {', '.join(parts)}")
