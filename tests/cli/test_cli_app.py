"""The command line as a whole: help, aliases, options, errors, exit codes."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from assetstore import AssetStore, open_store
from assetstore.cli.app import ALIASES, MODULES, SECTIONS

if TYPE_CHECKING:
    from running import Run

SECRET = "hunter2-signature"


def python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]  # options are subprocess.run's own


@pytest.mark.parametrize("name", [*MODULES, *ALIASES])
def test_every_command_and_alias_has_help(run: Run, name: str) -> None:
    """``--help`` of each exits 0, names the command, and offers ``--store`` and ``--json``."""
    done = run(name, "--help")
    assert (0, "") == (done.code, done.err)
    assert done.out.startswith(f"Usage: assetstore {ALIASES.get(name, name)} ")
    assert "--store" in done.out
    assert "--json" in done.out


def test_the_groups_summaries_are_those_of_the_commands() -> None:
    """The summary of a command in the table is the first sentence of its help."""
    for section in SECTIONS.values():
        for name, _, summary in section:
            command = getattr(importlib.import_module(MODULES[name]), f"{name.replace('-', '_')}_command")
            assert isinstance(command, click.Command)
            assert summary == (command.help or "").splitlines()[0]


@pytest.mark.parametrize(
    "name", ["upload", "download", "delete", "copy", "move", "sync", "update", "audit", "init", "stats"]
)
def test_every_write_has_a_dry_run(run: Run, name: str) -> None:
    """``-n`` stands in the help of each command that writes."""
    assert "-n, --dry-run" in run(name, "--help").out


def test_no_argument_shows_the_help(run: Run) -> None:
    """``assetstore`` alone is a question, not a mistake."""
    assert (run("--help").out, 0) == ((bare := run()).out, bare.code)


def test_the_version_is_shown(run: Run) -> None:
    """``--version`` names the program and a version."""
    assert run("--version").out.startswith("assetstore ")


def test_without_a_store_it_exits_2_and_says_what_to_type(run: Run, folder: Path) -> None:
    """Nothing is written to a store that nobody named."""
    (folder / "keep.webp").write_bytes(b"keep")
    done = run("upload", "keep.webp")
    assert (2, b"", ["keep.webp"]) == (done.code, done.raw, os.listdir(folder))
    assert [
        "error: cannot open the store",
        "  why: no store was named and none is configured",
        "  next: name one, for example -s file:assets, or write an assetstore.toml",
    ] == done.err.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-s", "file:assets", "list", "-r"),
        ("list", "-s", "file:assets", "-r"),
        ("list", "-r", "--store=file:assets"),
        ("ls", "-r", "--store", "file:assets"),
    ],
)
def test_the_store_may_be_named_before_or_after_the_command(run: Run, store: AssetStore, arguments: tuple[str, ...]) -> None:
    """``-s`` is the same in both places."""
    assert ["maps/deep/cave.webp", "maps/keep.webp", "maps/tower.png", "notes.txt"] == run(*arguments).lines


def test_json_may_stand_before_or_after_the_command(run: Run, store: AssetStore) -> None:
    """``--json`` is the same in both places."""
    before = run("--json", "-s", "file:assets", "stat", "notes.txt")
    assert before.records == run("stat", "notes.txt", "--json", "-s", "file:assets").records


def test_the_configuration_names_the_store(run: Run, folder: Path, store: AssetStore) -> None:
    """The default of assetstore.toml needs no ``-s``, and writes are reported under its name."""
    (folder / "assetstore.toml").write_text('default = "dev"\n[stores.dev]\nurl = "file:assets"\n')
    (folder / "keep.webp").write_bytes(b"keep")
    done = run("upload", "keep.webp", "--to", "new")
    assert (0, f"uploaded new/keep.webp -> dev (folder {folder}/assets, local), 4 B\n") == (done.code, done.err)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("-s", "file:assets", "stat", "notes.txt")),
        (1, ("-s", "stub:?trouble=away", "stat", "good/one.txt")),
        (1, ("-s", "stub:?trouble=broken", "stat", "good/one.txt")),
        (1, ("-s", "file:assets", "url", "notes.txt")),
        (1, ("-s", "file:assets", "upload", "missing.png", "--key", "a")),
        (1, ("-s", "stub:?trouble=bug", "stat", "good/one.txt")),
        (2, ("-s", "file:assets", "stat", "../up")),
        (2, ("-s", "file:assets", "list", "--limit", "-1")),
        (2, ("-s", "file:assets", "upload")),
        (2, ("-s", "nope:x", "list")),
        (2, ("-s", "nope", "list")),
        (2, ("-s", "file:assets", "lst")),
        (2, ("-s", "file:assets", "presign", "notes.txt", "--expires", "soon")),
        (2, ("-s", "stub:", "presign", "notes.txt", "--expires", "8d")),
        (3, ("-s", "file:assets", "stat", "missing")),
        (3, ("-s", "file:assets", "stat", "missing", "gone")),
        (3, ("-s", "file:assets", "read", "missing")),
        (3, ("-s", "file:assets", "download", "missing")),
        (3, ("-s", "file:assets", "download", "missing/*")),
        (3, ("-s", "file:assets", "copy", "missing", "other")),
        (4, ("-s", "stub:?trouble=credentials", "stat", "good/one.txt", "other")),
        (4, ("-s", "stub:?trouble=denied", "stat", "good/one.txt")),
        (5, ("-s", "file:assets", "stat", "missing", "notes.txt")),
        (6, ("-s", "file:assets", "upload", "-", "--key", "notes.txt", "--no-overwrite")),
        (6, ("-s", "file:assets", "copy", "notes.txt", "maps/keep.webp", "--no-overwrite")),
        (130, ("-s", "stub:?trouble=interrupt", "stat", "good/one.txt")),
    ],
)
def test_exit_codes(run: Run, store: AssetStore, code: int, arguments: tuple[str, ...]) -> None:
    """Each way to end has its code, and every failure its three lines (an interruption one)."""
    done = run(*arguments)
    assert code == done.code
    lines = done.err.splitlines()
    heads = ["interrupted"] if code == 130 else ["error: cannot ", "  why: ", "  next: "] if code else []
    assert heads == [line[: len(head)] for line, head in zip(lines, heads, strict=False)]


def test_an_unknown_command_is_told_the_nearest_one(run: Run) -> None:
    """A slip of the finger costs one look at the screen."""
    assert "  why: there is no command lst; did you mean 'list'?" in run("lst").err


def test_several_mistakes_in_a_table_are_told_at_once(run: Run, folder: Path) -> None:
    """All mistakes of a store stand in the one line that says why."""
    (folder / "assetstore.toml").write_text('[stores.dev]\nurl = "file:assets"\ncolour = 1\nsize = "${NOT_SET}"\n')
    done = run("-s", "dev", "list")
    assert 3 == len(done.err.splitlines())
    assert "colour: unknown" in done.err
    assert "NOT_SET is not set" in done.err
    assert 1 == done.err.count("[stores.dev]")


@pytest.mark.parametrize("trouble", ["bug", "away", "broken", "log"])
@pytest.mark.parametrize("trace", ["", "1"])
def test_no_failure_shows_a_signed_url(run: Run, monkeypatch: pytest.MonkeyPatch, trouble: str, trace: str) -> None:
    """No message, log line or traceback shows the signature of a URL."""
    monkeypatch.setenv("ASSETSTORE_TRACE", trace)
    done = run("-s", f"stub:?trouble={trouble}", "stat", "good/one.txt")
    assert f"?signature={SECRET}" not in done.err
    assert "\x1b" not in done.err
    assert ("Traceback" in done.err) == (trace == "1" and trouble in ("bug", "log"))


def test_a_bug_is_told_by_its_type_alone(run: Run) -> None:
    """The message of an unexpected exception may hold anything and is not shown."""
    assert [
        "error: cannot stat 'good/one.txt' (store stub:)",
        "  why: plugin 'stub' (stub-store 1.0) failed in assetstore_stat: RuntimeError",
        "  next: report it to the plugin's author",
    ] == run("-s", "stub:?trouble=bug", "stat", "good/one.txt").err.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-s", "stub:", "greet", "--loud"),
        ("greet", "--loud", "-s", "stub:"),
        ("greet", "--store=stub:", "--loud"),
    ],
)
def test_a_plugins_command_is_called_with_the_open_store(run: Run, arguments: tuple[str, ...]) -> None:
    """A command that is not ours is looked up among those of the store's plugins."""
    assert (0, "welcome to stub:!\n") == ((done := run(*arguments)).code, done.out)


def test_help_lists_the_commands_of_a_stores_plugins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the store that is named, or of the default; without one it says how to see them."""
    assert "Show the commands of a store's plugins: R2 and S3 have" in run("--help").out
    line = ["greet", "Greet", "whoever", "opens", "the", "store."]
    assert line in [line.split() for line in run("-s", "stub:", "--help").lines]
    monkeypatch.setenv("ASSETSTORE_STORE", "stub:")
    default = run("--help")
    assert line in [line.split() for line in default.lines]
    assert "\nPlugins of stub::\n" in default.out
    assert 2 == run("-s", "nope", "--help").code


def test_help_opens_the_store_without_leaving_a_trace(folder: Path) -> None:
    """No library of a vendor is loaded, no statistics are made, and a configuration that is broken does not matter."""
    table = f'url = "r2://{"0" * 32}/assets"\naccess_key = "a"\nsecret_key = "b"\nstats = {{ path = "stats.db" }}\n'
    (folder / "assetstore.toml").write_text(f'default = "prod"\n[stores.prod]\n{table}')
    program = (
        "import sys, atexit; sys.argv = ['assetstore', '--help']; from assetstore.cli import main\n"
        "loaded = lambda: sorted({'boto3', 'botocore', 'sqlite3'} & sys.modules.keys())\n"
        "atexit.register(lambda: print(loaded(), file=sys.__stdout__))\n"
        "main()"
    )
    done = python("-c", program)
    assert (0, "", "[]") == (done.returncode, done.stderr, done.stdout.splitlines()[-1])
    assert re.search(r"Plugins of prod:\n  cors  .*\n.*\n?  lifecycle  ", done.stdout)
    assert ["assetstore.toml"] == os.listdir(folder)
    (folder / "assetstore.toml").write_text("default = 7 [")
    assert 0 == python("-m", "assetstore", "--help").returncode


def test_python_m_assetstore_is_the_same_program(run: Run, folder: Path) -> None:
    """Both entry points show the same."""
    assert run("--help").out.split() == python("-m", "assetstore", "--help").stdout.split()


def test_without_click_one_line_says_what_to_install(folder: Path) -> None:
    """An installation without the extra ``cli`` exits 2 and names it."""
    program = "import sys; sys.modules['click'] = sys.modules['rich'] = None; from assetstore.cli import main; main()"
    done = python("-c", program)
    expected = "error: the command line needs click and rich: pip install 'assetstore[cli]'\n"
    assert (2, "", expected) == (done.returncode, done.stdout, done.stderr)


def test_help_imports_neither_rich_nor_a_command(folder: Path) -> None:
    """What ``--help`` does not need is not loaded."""
    program = (
        "import sys, atexit; sys.argv = ['assetstore', '--help']; from assetstore.cli import main\n"
        "loaded = lambda: sorted(n for n in sys.modules if n.startswith(('rich', 'assetstore.cli.')))\n"
        "atexit.register(lambda: print(loaded(), file=sys.__stdout__))\n"
        "main()"
    )
    loaded = python("-c", program).stdout.splitlines()[-1]
    assert str([f"assetstore.cli.{name}" for name in ("app", "errors", "progress", "session", "streams", "text")]) == loaded


def test_a_reader_that_goes_away_is_no_reason_to_complain(store: AssetStore) -> None:
    """``assetstore read … | head`` ends quietly."""
    store.upload(b"x" * 1_000_000, "big.bin")
    for command in ("read big.bin", "list -r", "--help", "list -r --json"):
        script = f'"$0" -m assetstore -s file:assets {command} | head -c 1 | wc -c'
        done = subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, text=True, check=False)
        assert ("1", "") == (done.stdout.strip(), done.stderr)


def test_a_terminal_that_knows_no_unicode_sees_escapes(store: AssetStore) -> None:
    """A key that stdout's encoding lacks does not end the command."""
    store.upload(b"", "star★")
    done = python("-m", "assetstore", "-s", "file:assets", "list", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (0, ["maps/", "notes.txt", "star\\u2605"]) == (done.returncode, done.stdout.splitlines())


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "command",
    [
        *[("stat", LONG), ("read", LONG), ("delete", "-y", LONG), ("list", LONG), ("list", f"{LONG}*"), ("url", LONG)],
        *[("copy", "notes.txt", LONG), ("upload", LONG), ("upload", "-", LONG), ("upload", "-", "--category", LONG)],
        *[("upload", "-", "a", "--cache-control", LONG), ("upload", "-", "a", "-m", f"a={LONG}"), ("presign", LONG)],
        *[("presign", "notes.txt", "--expires", LONG), ("update", "notes.txt", "--content-type", LONG), ("serve", LONG)],
        *[("-s", LONG, "list"), ("-s", f"file:{LONG}", "list"), ("stat", f"--{LONG}"), ("download", "notes.txt", LONG)],
        *[("find", "--larger", LONG), (LONG,)],
    ],
    ids=lambda command: " ".join(word[:20] for word in command),
)
def test_an_endless_argument_is_refused_in_a_short_message(run: Run, store: AssetStore, command: tuple[str, ...]) -> None:
    """A name, key, prefix, glob or value of 100,000 characters fails at once, and does not fill the terminal."""
    done = run(*(() if "-s" in command else ("-s", "file:assets")), *command, stdin=b"x")
    assert (True, b"") == (done.code in (1, 2), done.raw)
    assert 5000 > len(done.err) > 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("upload", "-", "--key", "a"), "  why: stdin must be open for reading"),
        (("delete", "*"), "  why: deleting 1 asset needs a confirmation, and stdin is not a terminal; use --yes"),
    ],
)
def test_a_closed_stdin_is_neither_empty_nor_a_bug(folder: Path, arguments: tuple[str, ...], expected: str) -> None:
    """A shell's ``<&-`` closes it: what would read it says so."""
    open_store("file:assets").upload(b"x", "kept.txt")
    command = shlex.join([sys.executable, "-m", "assetstore", "-s", "file:assets", *arguments])
    done = subprocess.run(["sh", "-c", f"{command} <&-"], capture_output=True, text=True, check=False)
    assert expected in done.stderr.splitlines()
    assert ["kept.txt"] == [info.key for info in open_store("file:assets").list()]
