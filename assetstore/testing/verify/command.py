"""The command ``verify-backend``: runs the contract against a live store."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from assetstore.cli import errors
from assetstore.cli.session import Session, command
from assetstore.config import find_store
from assetstore.testing.verify import reports

if TYPE_CHECKING:
    from assetstore.testing.verify.verdicts import Verdict, Verification

FORMATS: dict[str, Callable[[Verification], str]] = {
    "text": reports.as_text,
    "json": reports.as_json,
    "markdown": reports.as_markdown,
}
CLEAR = "\r\x1b[K"


@attrs.define
class Progress:
    """Shows progress on stderr: a line for each subject and failure, and on a terminal the current guarantee.

    Attributes:
        session: prints the lines.
    """

    session: Session
    _subject: str = ""
    _held: int = 0
    _count: int = 0

    def __call__(self, verdict: Verdict, done: int, total: int) -> None:
        """Show the verdict of a guarantee."""
        if verdict.guarantee.subject != self._subject:
            self.end_subject()
            self._subject = verdict.guarantee.subject
        self._count += 1
        self._held += verdict.outcome != "FAILS"
        if verdict.outcome == "FAILS":
            self._say(f"FAILS: {verdict.guarantee.name}")
        if sys.stderr.isatty():
            click.echo(f"{CLEAR}{done} of {total}  {verdict.guarantee.name[:60]}", err=True, nl=False, color=True)
        if done == total:
            self.end_subject()

    def end_subject(self) -> None:
        """Print the summary of a subject."""
        if self._count:
            self._say(f"{self._subject}: {self._held} of {self._count} in order")
        self._held = self._count = 0

    def _say(self, text: str) -> None:
        if sys.stderr.isatty():
            click.echo(CLEAR, err=True, nl=False, color=True)
        self.session.talk(text)


@command("verify-backend",
    examples=(
        "assetstore verify-backend file:assets",
        "assetstore verify-backend prod --format markdown -o prod.md",
        "assetstore verify-backend prod --only signed --only 'one wins'",
    ),
)
@click.argument("store", required=False)
@click.option("--format", "form", type=click.Choice([*FORMATS]), help="Format of the report; text by default.")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to a file.")
@click.option("--only", multiple=True, metavar="TEXT", help="Try only the guarantees whose names contain TEXT; repeatable.")
def verify_backend_command(
    session: Session, store: str | None, form: str | None, output: Path | None, only: tuple[str, ...]
) -> None:
    """Try every guarantee on a store.

    Everything is written under a random prefix and removed again. A service takes minutes and some thousand requests.
    STORE is a name from the configuration or a URL.
    """
    try:
        import pytest  # noqa: F401 - the rest needs it
    except ImportError:
        text = errors.report("cannot verify a backend", "pytest is not installed", "pip install 'assetstore[testing]'")
        session.complain(text)
        raise click.exceptions.Exit(errors.USAGE) from None
    from assetstore.testing.verify.live_store import LiveStore
    from assetstore.testing.verify.run import verify

    live = LiveStore(find_store(store or session.store_name))
    try:
        done = verify(live, Progress(session), only)
    except BaseException:
        if live.leftovers.reason is not None:
            session.talk(reports.left_behind(live))
        raise
    report = FORMATS[form or ("json" if session.as_json else "text")](done)
    if output is None:
        session.line(report)
    else:
        output.write_text(f"{report}\n", encoding="utf-8")
        session.talk(reports.sum_up(done))
    if not done.ok:
        raise click.exceptions.Exit(errors.FAILED)
