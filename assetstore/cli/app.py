"""Finds and runs the commands, and turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from assetstore.cli import errors
from assetstore.cli.session import COMPLETE_VARIABLE, OutputClosedError, Session, json_option, open_uncounted, store_option
from assetstore.cli.streams import data_apart, data_stream
from assetstore.cli.text import plain, shown
from assetstore.errors import AssetStoreError, ConfigError
from assetstore.plugin_faults import frames_of, watching

# Name, module and summary of each command: --help of the group must not import the commands.
SECTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Assets": (
        ("upload", "uploading", "Upload files, folders or stdin."),
        ("download", "downloading", "Download assets to files or to stdout."),
        ("list", "browsing", "List assets."),
        ("find", "finding", "Find assets by type, size and age."),
        ("du", "finding", "Sum up bytes and assets by folder, category or type."),
        ("stat", "browsing", "Show the details of assets."),
        ("read", "browsing", "Write an asset to stdout."),
        ("update", "updating", "Change headers and metadata of assets."),
        ("delete", "changing", "Delete assets."),
        ("copy", "changing", "Copy assets within a store or between stores."),
        ("move", "changing", "Move or rename assets, also between stores."),
        ("audit", "audit", "Compare the keys that are expected with those that are stored."),
    ),
    "Between stores": (
        ("sync", "syncing", "Make a store or folder hold what another holds."),
        ("check", "comparing", "Compare two stores or folders and change nothing."),
        ("verify", "verifying", "Read every asset and compare it with its stored digest."),
        ("migrate", "migrating", "Move a store of any size to another one, in shards."),
    ),
    "Links": (
        ("presign", "links", "Sign a URL that works until it expires."),
        ("url", "links", "Show the public URL of an asset."),
        ("serve", "serving", "Show a store in a browser, and serve its signed URLs from this machine."),
    ),
    "Stores": (
        ("stats", "overviews", "Show usage statistics."),
        ("stores", "overviews", "List the configured stores."),
        ("plugins", "overviews", "List the installed plugins."),
        ("init", "starting", "Write assetstore.toml and test the store."),
        ("doctor", "doctor", "Test a store step by step."),
        ("gc", "gc", "Find what interrupted work left behind, and delete it."),
        ("verify-backend", "assetstore.testing.verify.command", "Try every guarantee on a store."),
        ("completion", "completion", "Print a script for completion by the tab key."),
        ("demo", "demo", "Take a tour with a dozen sample assets."),
    ),
}
MODULES = {
    name: module if "." in module else f"assetstore.cli.{module}"
    for section in SECTIONS.values()
    for name, module, _ in section
}
ALIASES = {"cat": "read", "cp": "copy", "ls": "list", "mv": "move", "rm": "delete"}


# Closing waits a second for what runs, and another for the end of an upload in parts.
_UNDOING_SECONDS = 5.0


OBJECTS = 50_000
"""New objects after which the collector of cycles looks at them: a listing makes many, and no cycle."""


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came; it ends a command as Ctrl-C does."""


class App(click.Group):
    """Imports a command when it is called, and turns errors into three lines and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit with its code."""
        extra.update(standalone_mode=False, windows_expand_args=False)
        # A shell's <&- and >&- close them. What cannot be read is an error of upload -, and nothing is not.
        sys.stdin = sys.stdin or open(os.devnull, "w")  # noqa: SIM115 - for the whole run
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for the whole run
        sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - for the whole run
        for stream in (sys.stdout, sys.stderr):
            # A key that the terminal cannot encode must not end the command.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are TextIOWrapper
        gc.set_threshold(OBJECTS, 10, 10)
        with _ended_by_signals():
            code = self._ended(args, extra)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C and SIGTERM end it with one line."""
        try:
            return super().invoke(ctx)
        except TerminatedError:
            raise click.exceptions.Exit(_reported("terminated", errors.TERMINATED)) from None
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                # The terminal has left ^C on the current line.
                click.echo(err=True)
            raise click.exceptions.Exit(_reported("interrupted", errors.INTERRUPTED)) from None

    def _ended(self, args: tuple[Any, ...], extra: dict[str, Any]) -> int:
        """Run a command and return its code; a plugin that hangs is named."""
        if COMPLETE_VARIABLE in os.environ:
            importlib.import_module("assetstore.cli.completion")
        try:
            with watching(_warn):
                code = super().main(*args, **extra)
            return code if isinstance(code, int) else errors.DONE
        except (click.Abort, KeyboardInterrupt) as error:  # the latter after a second signal, while the first is reported
            if isinstance(error, TerminatedError) or isinstance(error.__cause__, TerminatedError):
                return _reported("terminated", errors.TERMINATED)
            return _reported("interrupted", errors.INTERRUPTED)
        except OutputClosedError:
            _silence_stdout()
            return errors.FAILED
        except click.ClickException as error:
            return _reported(_usage(error), errors.USAGE)
        except SystemExit:  # of a plugin's own command
            raise
        except BaseException as error:  # a traceback may hold secrets, so none reaches the terminal
            if COMPLETE_VARIABLE in os.environ:
                return errors.FAILED  # someone types, and the shell would print the error in the middle
            return _reported(errors.explain(error), errors.exit_code(error))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without aliases."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in MODULES:
            return None
        module = importlib.import_module(MODULES[name])
        found = getattr(module, f"{name.replace('-', '_')}_command")
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, here or among the plugins of the store."""
        command = self.get_command(ctx, args[0])
        if command is not None:
            return ALIASES.get(args[0], args[0]), command, args[1:]
        session = ctx.ensure_object(Session)
        session.store_name, rest = _take_store(args[1:], session.store_name)
        if ctx.resilient_parsing:
            from assetstore.cli.completion import plugin_command

            return args[0], plugin_command(session.store_name, args[0]), rest
        return args[0], self._plugin_command(session, args[0]), rest

    def _plugin_command(self, session: Session, name: str) -> click.Command:
        known = [*MODULES, *ALIASES]
        why = f"there is no command {shown(name)}"
        try:
            store = session.open()
            with data_apart():
                commands = store.commands()
        except ConfigError:
            if session.store_name:
                raise
        else:
            offered: dict[str, click.Command] = {str(command.name): command for command in commands}
            if name in offered:
                offered[name].context_settings = {**offered[name].context_settings, "obj": store}
                return offered[name]
            known += offered
        import difflib  # slow to load, and seldom needed

        close = difflib.get_close_matches(name, known, 1)
        raise click.UsageError(f"{why}; did you mean {close[0]!r}?" if close else why)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of commands; the last has those that the plugins of the store add."""
        width = max(map(len, MODULES)) + 4
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(_with_alias(name).ljust(width), summary) for name, _, summary in section])
        title, rows = _plugin_section(ctx.ensure_object(Session).store_name)
        with formatter.section(title):
            formatter.write_dl([(name.ljust(width), summary) for name, summary in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands to try first."""
        with formatter.section("Try"):
            formatter.write_dl(
                [
                    ("assetstore demo", "take a tour in a second"),
                    ("assetstore init", "set up a store and test it"),
                    ("assetstore COMMAND --help", "show options and examples"),
                ]
            )


def _warn(text: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(f"warning: {plain(text)}", err=True)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end a command, and let neither interrupt it while it undoes what it began.

    Python's own handler of Ctrl-C would do the same, but then a KeyboardInterrupt of a plugin could not be told from it.
    """
    heard: list[float] = []

    def end(number: int, frame: object) -> None:
        # Shells and supervisors may send a signal more than once; who sends it later again does not want to wait.
        if heard and time.monotonic() - heard[0] < _UNDOING_SECONDS:
            return
        heard[:] = [time.monotonic()]
        raise TerminatedError if number == signal.SIGTERM else KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    # A shell lets what runs in the background ignore Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, end)
    hook, sys.unraisablehook = sys.unraisablehook, _sending_again(end, heard.clear, sys.unraisablehook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _sending_again(
    end: Callable[..., object], forget: Callable[[], None], otherwise: Callable[[Any], object]
) -> Callable[[Any], object]:
    """Return a hook for errors that Python ignores: a signal that came in a destructor or a callback comes again at once."""

    def hook(ignored: Any) -> None:
        lost = ignored.exc_value
        if lost is None or end.__code__ not in [frame.f_code for frame in frames_of(lost)]:
            otherwise(ignored)
            return
        forget()
        number = signal.SIGTERM if isinstance(lost, TerminatedError) else signal.SIGINT
        # Here its handler's error would be ignored once more.
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, 0.01)

    return hook


def _plugin_section(store_name: str | None) -> tuple[str, list[tuple[str, str]]]:
    """Return the heading and the commands of the store that is named or the default; opening it sends nothing."""
    try:
        with data_apart():
            store = open_uncounted(store_name)
        from assetstore.cli.loglines import printing_log_lines  # help without a store needs no logging

        with printing_log_lines(), data_apart(), store:
            commands = [(str(command.name), command.get_short_help_str(80)) for command in store.commands()]
            return f"Plugins of {plain(store.name)}", commands or [("none", "Its plugins add no commands.")]
    except AssetStoreError:
        if store_name:
            raise
    return "Plugins", [("-s STORE --help", "Show the commands of a store's plugins: R2 and S3 have cors and lifecycle.")]


def _with_alias(name: str) -> str:
    alias = next((alias for alias, command in ALIASES.items() if command == name), None)
    return f"{name}, {alias}" if alias else name


def _take_store(args: Sequence[str], store: str | None) -> tuple[str | None, list[str]]:
    """Return the store that ``-s`` names among the arguments of a plugin's command, and the other arguments."""
    rest = list(args)
    for position, argument in enumerate(rest):
        if argument in ("-s", "--store") and position + 1 < len(rest):
            return rest[position + 1], rest[:position] + rest[position + 2 :]
        if argument.startswith("--store="):
            return argument.removeprefix("--store="), rest[:position] + rest[position + 1 :]
    return store, rest


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "assetstore"
    return errors.report(f"cannot run {path}", error.format_message(), f"{path} --help")


def _reported(text: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        Session().complain(text)
    return code


def _silence_stdout() -> None:
    """Point stdout at the null device, so that the interpreter's last flush cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), data_stream().fileno())


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"assetstore {plain(version('assetstore'))}")
        context.exit()


@click.group(
    cls=App,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
@json_option
@store_option
@click.pass_context
def app(context: click.Context) -> None:
    """Store assets on Cloudflare R2, any S3 service or local disk.

    Data goes to stdout, messages to stderr. Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 3 not found,
    4 credentials missing or refused, 5 some items failed or differ, 6 exists already or is refused, 7 something could not be
    compared, 130 interrupted, 143 terminated.
    """
    context.ensure_object(Session)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
