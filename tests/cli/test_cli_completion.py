"""``completion``: what a real bash puts in when the tab key is pressed, and that it never prints anything else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

SCRIPT = """
assetstore() { "$PYTHON" -c "$PROGRAM" "$@"; }
source <(assetstore completion bash)
COMP_LINE=$LINE_TYPED COMP_POINT=${#LINE_TYPED}
compopt() { :; }
_assetstore_completion assetstore
printf '%s\\n' "${COMPREPLY[@]}"
"""
PROGRAM = "from assetstore.cli import completion, main; completion.PATIENCE = {}; main()"
Press = Callable[..., list[str]]


@pytest.fixture
def press(folder: Path) -> Press:
    """Give a function that returns what bash would put in for the last word of a line."""

    def press(line: str, patience: float = 600) -> list[str]:
        program = {"PYTHON": sys.executable, "PROGRAM": PROGRAM.format(patience)}
        environment = {**os.environ, **program, "LINE_TYPED": line, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["bash", "--norc", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
        assert "" == done.stderr
        return [text for text in done.stdout.splitlines() if text]

    return press


def test_keys_are_completed_folder_by_folder(press: Press, store: AssetStore) -> None:
    """As paths are; the store is the one that the line names."""
    assert ["maps/", "notes.txt"] == press("assetstore -s file:assets read ")
    assert ["maps/deep/", "maps/keep.webp", "maps/tower.png"] == press("assetstore -s ./assets delete maps/")
    assert ["maps/keep.webp"] == press("assetstore presign -s ./assets maps/k")


def test_stores_and_commands_are_completed(press: Press, store: AssetStore, folder: Path) -> None:
    """Names of the configuration after ``-s`` and for doctor and serve; the default store serves keys."""
    tables = '[stores.dev]\nurl = "file:assets"\n[stores.prod]\nurl = "memory:"\n'
    (folder / "assetstore.toml").write_text(f'default = "dev"\n{tables}')
    assert ["dev", "prod"] == press("assetstore -s ")
    assert ["prod"] == press("assetstore list --store p")
    assert ["dev"] == press("assetstore doctor d")
    assert ["notes.txt"] == press("assetstore stat n")
    assert ["upload", "update"] == press("assetstore up")
    assert ["--cache-control"] == press("assetstore upload --cache")


def test_commands_of_plugins_are_completed(press: Press) -> None:
    """Their own commands and options, wherever the store is named."""
    store = "s3://bucket?endpoint_url=http://127.0.0.1:1"
    assert ["set", "show"] == sorted(press(f"assetstore -s '{store}' cors s"))
    assert ["--delete"] == press(f"assetstore cors -s '{store}' set --de")


def test_words_are_put_in_as_bash_reads_them(press: Press, store: AssetStore) -> None:
    """Blanks and signs get a backslash where bash needs it; behind a ``:`` only the rest is put in."""
    store.upload(b"", "it's [1] $5.png")
    store.upload(b"", "time/12:30:00.png")
    assert [r"it\'s\ \[1\]\ \$5.png"] == press("assetstore -s ./assets read it")
    assert [r"it\'s\ \[1\]\ \$5.png"] == press(r"assetstore -s ./assets read it\'s\ ")
    assert [r"it's [1] \$5.png"] == press('assetstore -s ./assets read "it')
    assert ["30:00.png"] == press("assetstore -s ./assets read time/12:3")


def test_no_key_runs_a_command_in_quotes(press: Press, store: AssetStore) -> None:
    """In quotes bash takes what is put in as it is, so what would run something or end the quote is escaped."""
    for key in ("do$(touch x)llar", "do`touch x`", "don't", 'do"uble', "done"):
        store.upload(b"", key)
    doubled = [r"do\"uble", r"do\$(touch x)llar", r"do\`touch x\`", "don't", "done"]
    assert doubled == press('assetstore -s file:assets read "do')
    assert r"don'\''t" in press("assetstore -s file:assets read 'do")
    assert r"do\$\(touch\ x\)llar" in press("assetstore -s file:assets read do")


def test_keys_and_stores_with_colons_are_whole(press: Press, store: AssetStore, folder: Path) -> None:
    """A colon behind the cursor divides nothing."""
    store.upload(b"", "co:lon/a:b")
    (folder / "assetstore.toml").write_text('[stores."we:ird"]\nurl = "file:assets"\n')
    assert ["co:lon/"] == press("assetstore -s file:assets read co")
    assert ["we:ird"] == press("assetstore -s w")


def test_many_keys_are_bounded(press: Press, store: AssetStore) -> None:
    """One page of the listing, however many there are."""
    for number in range(300):
        store.upload(b"", f"many/{number:03}")
    assert 200 == len(press("assetstore -s ./assets read many/"))


@pytest.mark.parametrize(
    "line",
    [
        *["assetstore -s nope read a", "assetstore -s nope: read a", "assetstore -s file:missing read a"],
        *["assetstore -s s3://bucket?endpoint_url=http://127.0.0.1:1&max_attempts=1 read a", "assetstore read a"],
        *["assetstore -s stub:?trouble=log read go", "assetstore -s ./assets read ../", "assetstore nope x"],
        *["assetstore cors s", "assetstore -s 'open", "assetstore upload a"],
    ],
)
def test_what_cannot_be_completed_is_silent(press: Press, line: str) -> None:
    """No store, no network, no such command: nothing is put in, and nothing is printed into the prompt."""
    assert [] == [text for text in press(line) if text != "good/"]


def test_a_store_that_does_not_answer_is_given_up(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits at the prompt for as long as a command would wait for the network."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "a" * 32)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://bucket?endpoint_url=http://127.0.0.1:{silent.getsockname()[1]}"
        assert [] == press(f"assetstore -s '{url}' read a", patience=0.5)


def test_a_broken_configuration_is_silent(press: Press, folder: Path) -> None:
    """Its error is shown by the command, not while it is typed."""
    (folder / "assetstore.toml").write_text("stores = 7 [")
    assert [[], []] == [press("assetstore -s "), press("assetstore read ")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(run: Run, shell: str) -> None:
    """It is printed alone, and a shell that is installed can read it."""
    done = run("completion", shell)
    assert (0, "", True) == (done.code, done.err, f"_ASSETSTORE_COMPLETE={shell}_complete" in done.out)
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=done.raw, check=True)
    assert 2 == run("completion", "csh").code
