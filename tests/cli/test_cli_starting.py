"""``init``: a configuration that works, without a secret in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from running import Run

R2 = ("--kind", "r2", "--account-id", "0" * 32, "--bucket", "game-assets", "--name", "prod")
S3 = ("--kind", "s3", "--bucket", "game-assets", "--region", "eu-central-1", "--name", "prod")


def test_a_folder_is_ready_after_one_command(run: Run, folder: Path) -> None:
    """Questions are answered on stdin or by return; doctor has tested the store, and uploads need no ``-s``."""
    done = run("init", stdin=b"\n\n\n")
    assert (0, 'default = "dev"\n\n[stores.dev]\nurl = "file:assets"\n') == (done.code, Path("assetstore.toml").read_text())
    assert f"wrote {folder}/assetstore.toml" in done.err
    assert "no problems found" in done.err
    assert 12 == len([line for line in done.lines if re.match(r" *\d+ +\w", line)])
    assert 0 == run("upload", "assetstore.toml", "--key", "a.toml").code
    assert (folder / "assets" / "a.toml").exists()


@pytest.mark.parametrize("written", ["./my assets", "a#b%41 ü", "~/assets"])
def test_any_folder_can_be_named(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    """Whatever its name holds, the file says it so that it is read back."""
    monkeypatch.setenv("HOME", str(folder / "home"))
    assert 0 == run("init", "--kind", "folder", "--folder", written, "--name", "here").code
    assert 0 == run("upload", "assetstore.toml", "--key", "a.toml").code
    assert (folder / written.replace("~", "home") / "a.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            R2,
            {"url": f"r2://{'0' * 32}/game-assets", "access_key": "${R2_ACCESS_KEY}", "secret_key": "${R2_SECRET_KEY}"},
        ),
        ((*S3, "--endpoint-url", ""), {"url": "s3://game-assets", "region": "eu-central-1"}),
        (
            (*S3, "--endpoint-url", "http://127.0.0.1:1"),
            {"url": "s3://game-assets", "endpoint_url": "http://127.0.0.1:1", "region": "eu-central-1"},
        ),
    ],
    ids=["r2", "amazon", "s3"],
)
def test_secrets_stay_in_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], expected: dict[str, str]
) -> None:
    """The file names variables, even when they are set; ``-n`` shows it and writes nothing."""
    for name in ("R2_ACCESS_KEY", "R2_SECRET_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2" * 6)
    done = run("init", *arguments, "-n")
    assert (0, {"default": "prod", "stores": {"prod": expected}}) == (done.code, tomllib.loads(done.out))
    assert "hunter2" not in done.out + done.err
    assert not Path("assetstore.toml").exists()


def test_missing_variables_are_named_by_the_test(run: Run) -> None:
    """The file is written all the same; doctor says what is missing."""
    done = run("init", *R2)
    assert 2 == done.code
    assert "it reads R2_ACCESS_KEY, R2_SECRET_KEY from the environment" in done.err
    assert "the environment variable R2_ACCESS_KEY is not set or is empty" in done.out
    assert Path("assetstore.toml").exists()


def test_nothing_is_overwritten(run: Run) -> None:
    """A file that exists is refused before anything is asked."""
    Path("assetstore.toml").write_text("# mine\n")
    done = run("init")
    assert (6, "error: cannot write the configuration", "# mine\n") == (
        done.code,
        done.err.splitlines()[0],
        Path("assetstore.toml").read_text(),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        (*R2[:-2], "--name", "a.b"),
        (*R2[:-4], "--bucket", "b?secret_key=x", "--name", "prod"),
        ("--kind", "s3", "--bucket", "b", "--region", "x", "--endpoint-url", "https://user:word@host"),
        ("--kind", "folder", "--bucket", "b"),
    ],
)
def test_a_wrong_answer_is_refused(run: Run, wrong: tuple[str, ...]) -> None:
    """Nothing is written that could not work or would hold a password; a prompt asks again instead."""
    assert (2, False) == (run("init", *wrong).code, Path("assetstore.toml").exists())
    done = run("init", "--kind", "folder", "--folder", "x", "-n", stdin=b"not so\nfine\n")
    assert (0, True, True) == (done.code, "must be letters" in done.err, "[stores.fine]" in done.out)
