"""Gives every command its common options, the open store and the output."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assetstore.cli import errors
from assetstore.cli.progress import Bar
from assetstore.cli.streams import data_apart, data_stream
from assetstore.cli.text import counted, plain, readable_duration, readable_size, shown, without_secrets
from assetstore.errors import AlreadyExistsError, AssetStoreError, ConfigError, CredentialsError, StoreNotFoundError

if TYPE_CHECKING:
    from assetstore.store import AssetStore
    from assetstore.sync.sides import Side

# Its value makes click print a script for a shell, or completions for one.
COMPLETE_VARIABLE = "_ASSETSTORE_COMPLETE"

F = TypeVar("F", bound=Callable[..., Any])

COLOURS = {"ok": "green", "uploaded": "green", "copied": "green", "moved": "green", "downloaded": "green", "deleted": "red"}
PAST = {
    "copy": "copied",
    "delete": "deleted",
    "download": "downloaded",
    "move": "moved",
    "update": "updated",
    "upload": "uploaded",
}


class OutputClosedError(Exception):
    """The reader of stdout, for example ``head``, has closed it."""


class Session:
    """One run of the command line. Data goes to stdout, messages to stderr.

    Attributes:
        store_name: the value of ``-s``, or ``None`` for the configured default.
        as_json: whether data is written as JSON, one object per line.
        quiet: whether stderr gets errors alone.
        verbose: whether every item gets a line of its own.
        no_progress: whether the progress bar is hidden.
        bar: the progress bar of the current work.
        done: how many items of the command succeeded.
        skipped: how many items were left out.
        failed: the exit codes of the items that failed.
        size: the bytes of the items that succeeded, or ``None`` if unknown.
    """

    def __init__(self) -> None:
        self.store_name: str | None = None
        self.as_json = False
        self.quiet = False
        self.verbose = False
        self.no_progress = False
        self.bar: Bar | None = None
        self.done: int = 0
        self.skipped: int = 0
        self.failed: list[int] = []
        self.size: int | None = 0
        self._several = False
        self._skips_existing = False

    def open(self, name: str | None = None) -> AssetStore:
        """Open a store, by default the one of ``-s``; it is closed when the command ends.

        Raises:
            ConfigError: no store is named, or it cannot be opened.
        """
        # Help and usage errors need neither the core nor logging.
        from assetstore.cli.loglines import printing_log_lines

        root = click.get_current_context().find_root()
        root.with_resource(printing_log_lines())
        try:
            return root.with_resource(_opened(name or self.store_name))
        except ConfigError as error:
            error.op = error.op or "open"
            raise

    def sides(self, *addresses: str) -> list[Side]:
        """Open what addresses name; it is closed when the command ends.

        Raises:
            ConfigError: one cannot be opened.
        """
        from assetstore.cli.loglines import printing_log_lines
        from assetstore.sync.sides import open_side

        root = click.get_current_context().find_root()
        root.with_resource(printing_log_lines())
        exits = root.with_resource(contextlib.ExitStack())
        try:
            with data_apart():
                return [open_side(address, exits, default=self.store_name) for address in addresses]
        except ConfigError as error:
            error.op = error.op or "open"
            raise

    def line(self, text: str) -> None:
        """Write a line of data."""
        with _watching_stdout():
            click.echo(text, file=data_stream(), color=colourful(data_stream()))

    def key(self, key: str) -> None:
        """Write a key as data: quoted on a terminal or if it is not a valid key, otherwise unchanged."""
        from assetstore.keys import is_valid_key  # help needs no keys, and no attrs

        self.line(shown(key) if data_stream().isatty() or not is_valid_key(key) else key)

    def record(self, values: Mapping[str, object]) -> None:
        """Write one JSON object as data."""
        import json

        self.line(json.dumps(values))

    def raw(self, data: bytes) -> None:
        """Write bytes as data."""
        with _watching_stdout():
            data_stream().buffer.write(data)

    def flush(self) -> None:
        """Flush the bytes that were written."""
        with _watching_stdout():
            data_stream().buffer.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table as data: drawn on a terminal, otherwise tab-separated and without a heading."""
        if data_stream().isatty():
            from assetstore.cli.tables import drawn

            self.line(drawn(columns, rows))
        else:
            for row in rows:
                self.line("\t".join(row))

    def talk(self, text: str) -> None:
        """Write a message, unless only errors are wanted; its first word may have a colour."""
        if self.quiet:
            return
        verb, space, rest = text.partition(" ")
        if colourful(sys.stderr) and verb.rstrip(":") in COLOURS:
            verb = click.style(verb, fg=COLOURS[verb.rstrip(":")])
        text = f"{verb}{space}{rest}"
        if self.bar is None or not self.bar.print(text):
            click.echo(text, err=True, color=colourful(sys.stderr))

    def detail(self, text: str, *, needed: bool = False) -> None:
        """Write the line of one item: if it is the only one, if it is needed, or with ``-v``."""
        if self.verbose or needed or not self._several:
            self.talk(text)

    def complain(self, text: str) -> None:
        """Write the three lines of an error."""
        head, colon, rest = text.partition(":")
        styled = click.style(head, fg="red", bold=True) if colourful(sys.stderr) else head
        text = f"{styled}{colon}{rest}"
        if self.bar is None or not self.bar.print(text):
            click.echo(text, err=True, color=colourful(sys.stderr))

    @contextlib.contextmanager
    def working(
        self, verb: str, total: int | None, *, data_on_stdout: bool = False, noun: str | None = None
    ) -> Iterator[Bar]:
        """Show a progress bar over ``total`` bytes while the block runs, unless data goes to the same terminal.

        With ``noun`` it counts such things, for example assets, instead of bytes.
        """
        garbles = (data_on_stdout or self.as_json) and data_stream().isatty()
        wanted = not (garbles or self.quiet or self.no_progress)
        try:
            with Bar(verb, total, wanted=wanted, noun=noun) as self.bar:
                yield self.bar
        finally:
            self.bar = None

    @contextlib.contextmanager
    def closing(
        self, op: str, noun: str, end: str, *, several: bool, no_overwrite: bool = False, dry_run: bool
    ) -> Iterator[None]:
        """Write a line about all items of the block, if there are several.

        For example ``uploaded 12 files, 76.0 KiB in 1.2 s to dev; 3 skipped, 1 failed``. If an error or Ctrl-C ends the
        block, the line says what was done until then. Under ``no_overwrite`` those of several items that exist are skipped
        and do not fail.
        """
        self._several = several
        self._skips_existing = several and no_overwrite
        began = time.monotonic()
        whole = False
        try:
            yield
            whole = True
        finally:
            counts = (("skipped", self.skipped), ("failed", len(self.failed)))
            rest = ", ".join(f"{count:,} {name}" for name, count in counts if count)
            if several and (whole or self.done or rest):
                size = "" if self.size is None else f", {readable_size(self.size)}"
                duration = "" if dry_run else f" in {readable_duration(time.monotonic() - began)}"
                done = f"would {op}" if dry_run else PAST[op]
                self.talk(f"{done} {counted(self.done, noun)}{size}{duration} {end}{'; ' if rest else ''}{rest}")

    @contextlib.contextmanager
    def resuming(self) -> Iterator[None]:
        """Say after Ctrl-C that the transfers of large files go on, if any can."""
        try:
            yield
        except KeyboardInterrupt:
            from assetstore.content.checkpoint import any_left

            if any_left():
                self.talk("large files are kept as far as they came: run the same command again to go on")
            raise

    def resumed(self, key: str, there: int, size: int) -> None:
        """Say that a transfer goes on where an earlier one ended."""
        self.talk(f"resumed {shown(key)} at {100 * there // max(1, size)} %")

    def several(self) -> None:
        """Give the lines of items only to who asks for them by ``-v``; the command writes its own closing line."""
        self._several = True

    def count(self, size: int | None) -> None:
        """Count the bytes of an item for the closing line; ``None`` if unknown."""
        self.size = None if size is None or self.size is None else self.size + size

    @contextlib.contextmanager
    def item(self, op: str, key: str, *, what: str | None = None, counts: bool = True) -> Iterator[None]:
        """Report the failure of an item and go on; an error that concerns every item ends the command.

        ``what`` describes the work where the error's own key would mislead. ``counts=False`` leaves a success uncounted.
        """
        try:
            yield
        except (CredentialsError, StoreNotFoundError):
            raise
        except (AssetStoreError, OSError) as error:
            if self._skips_existing and isinstance(error, AlreadyExistsError):
                self.skip(op, key, errors.reason(error))
            else:
                self.fail(op, key, error, what=what)
        else:
            self.done += counts

    def fail(self, op: str, key: str, error: BaseException, *, what: str | None = None) -> None:
        """Report an item's failure."""
        self.failed.append(errors.exit_code(error))
        self.complain(errors.explain(error, f"{op} {shown(key)}", what=what))
        if self.as_json:
            why, then = errors.reason(error), errors.next_step(error)
            self.record({"op": op, "key": key, "error": type(error).__name__, "why": why, "next": then})

    def skip(self, op: str, key: str, why: str, *, needed: bool = False) -> None:
        """Report that an item is left out; ``needed`` gives it a line even among several."""
        self.skipped += 1
        self.detail(f"skipped {shown(key)}: {plain(why)}", needed=needed)
        if self.as_json:
            self.record({"op": op, "key": key, "skipped": True, "why": why})

    def finish(self) -> None:
        """Exit with an error code if items failed: with their common code if none succeeded.

        Raises:
            click.exceptions.Exit: an item failed.
        """
        if not self.failed:
            return
        total = self.done + len(self.failed)
        if total > 1 and not self._several:
            self.talk(f"{len(self.failed):,} of {total:,} failed")
        alike = not self.done and not self.skipped and len(set(self.failed)) == 1
        raise click.exceptions.Exit(self.failed[0] if alike else errors.SOME_FAILED)


def ask_to_delete(what: str, location: str) -> None:
    """Ask whether to delete something.

    Raises:
        click.UsageError: stdin is not a terminal.
        click.exceptions.Exit: the answer is no.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"deleting {what} needs a confirmation, and stdin is not a terminal; use --yes")
    if not click.confirm(f"delete {what} from {location}?", err=True):
        raise click.exceptions.Exit(errors.FAILED)


@contextlib.contextmanager
def _opened(name: str | None) -> Iterator[AssetStore]:
    """Open and close a store; what its plugins print then is no data."""
    from assetstore.config import open_store

    with data_apart():
        store = open_store(name)
    try:
        yield store
    finally:
        with data_apart():
            store.close()


def open_uncounted(name: str | None) -> AssetStore:
    """Open a store for a look that its statistics, which may be a file, should not count.

    Raises:
        ConfigError: no store is named, or it cannot be opened.
    """
    import attrs

    from assetstore.config import build_store, find_store

    config = find_store(name)
    # Without a file there is no warning of its mode either: that is for commands that work with the store.
    return build_store(attrs.evolve(config, table={**config.table, "stats": False}, file=None))


def where(store: AssetStore) -> str:
    """Return the name of a store, and its location in brackets."""
    return f"{plain(without_secrets(store.name))} ({plain(store.location)})"


def colourful(stream: Any) -> bool:
    """Return whether a stream may get colours."""
    return bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def _watching_stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise OutputClosedError from error


def _complete_stores(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    from assetstore.cli.completion import complete_stores  # a command that runs does not need it

    return complete_stores(context, parameter, incomplete)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        setattr(context.ensure_object(Session), str(parameter.name), value)


store_option: Callable[[F], F] = click.option(
    "-s",
    "--store",
    "store_name",
    metavar="STORE",
    expose_value=False,
    is_eager=True,
    callback=_remember,
    shell_complete=_complete_stores,
    help="The store: a name from the configuration, a URL such as file:assets, or a folder such as ./assets.",
)
json_option: Callable[[F], F] = click.option(
    "--json",
    "as_json",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_remember,
    help="Write data as JSON, one object per line.",
)
dry_run_option: Callable[[F], F] = click.option(
    "-n", "--dry-run", is_flag=True, help="Show what would be done, and do nothing."
)
_OUTPUT_OPTIONS = (
    (("-q", "--quiet"), "Write only errors to stderr."),
    (("-v", "--verbose"), "Write a line for each of several items."),
    (("--no-progress",), "Show no progress bar."),
)


def output_options(function: F) -> F:
    """Add the options that say how much is written to stderr."""
    for names, sentence in reversed(_OUTPUT_OPTIONS):
        click.option(*names, is_flag=True, expose_value=False, callback=_remember, help=sentence)(function)
    return function


def header_options(sentence: str, but: Sequence[str] = ()) -> Callable[[F], F]:
    """Return a decorator that adds an option for each HTTP header of an asset, except those in ``but``."""
    from assetstore.options import TEXT_HEADERS  # the help of the group does not need the core

    def add(function: F) -> F:
        for name in reversed([name for name in TEXT_HEADERS if name not in but]):
            http = name.replace("_", "-").title()
            click.option(f"--{name.replace('_', '-')}", metavar="VALUE", help=sentence.format(http))(function)
        return function

    return add


no_overwrite_option: Callable[[F], F] = click.option(
    "--no-overwrite", is_flag=True, help="Overwrite nothing: of several items those that exist are skipped."
)
max_concurrency_option: Callable[[F], F] = click.option(
    "-j",
    "--max-concurrency",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Work on at most N items at once; by default on as many as bring the most.",
)
no_resume_option: Callable[[F], F] = click.option(
    "--no-resume",
    is_flag=True,
    help="Begin anew, and keep nothing of what is interrupted; otherwise files of 64 MiB or more go on where they were.",
)
recursive_option: Callable[[F], F] = click.option(
    "-r", "--recursive", is_flag=True, help="Select everything in the folders that are named."
)
keep_folders_option: Callable[[F], F] = click.option(
    "--keep-folders", is_flag=True, help="With -r, keep the name of each folder that is named, as cp -r does."
)
literal_option: Callable[[F], F] = click.option(
    "--literal", is_flag=True, help="Take *, ?, [ and { literally, and also what begins like a store, as in dev:a."
)


class Command(click.Command):
    """A command whose help ends in examples. From its start on, only its data goes to stdout."""

    examples: tuple[str, ...] = ()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            ctx.find_root().with_resource(data_apart())
            return super().invoke(ctx)
        except SystemExit as error:  # our commands raise none, so a plugin did: the work may not be done
            raise RuntimeError("a plugin raised SystemExit") from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def command(name: str, *, examples: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a command with the common options; its function gets the session first."""

    def decorate(function: Callable[..., None]) -> click.Command:
        made = click.command(name, cls=Command)(store_option(json_option(click.pass_obj(function))))
        made.examples = examples
        # The command's own options come first in its help.
        made.params = [*made.params[2:], *made.params[:2]]
        return made

    return decorate
