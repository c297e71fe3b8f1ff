"""SIGTERM and Ctrl-C leave nothing behind: no unfinished file, no ``.part`` file, no upload in parts."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from servers import S3Server

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from r2_stand_in import Forward, Reply, Request, stand_in

PART = 5 << 20
BIG = random.Random(6).randbytes(2 * PART + 1)
ENDED = {"SIGTERM": {143, -signal.SIGTERM}, "SIGINT": {130, -signal.SIGINT}}
"""The exit codes; one signal more may come when all is undone, and end the interpreter on its way out."""
BOTH = pytest.mark.parametrize("name", ENDED)
COMMANDS = {
    "upload": (["upload", "big", "--key", "a"], "uploads"),
    "upload, a part": (["upload", "big", "--key", "a"], "partNumber"),
    "upload from a pipe": (["upload", "-", "--key", "a"], "partNumber"),
    "upload of a folder": (["upload", "-r", "art", "--to", "x"], "uploads"),
    "upload of a folder, a part": (["upload", "-r", "art", "--to", "x"], "partNumber"),
    "download": (["download", "there", "-o", "out/big"], "there"),
}
"""Commands, and in what request the signal comes: its answer is on its way then."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a big file, and a folder of big files."""
    (tmp_path / "art").mkdir()
    for path in ("big", "art/1", "art/2", "art/3"):
        (tmp_path / path).write_bytes(BIG)
    return tmp_path


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process of its own, and end it whatever happens."""
    command = [sys.executable, "-m", "assetstore", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **variables}, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], name: str) -> None:
    """Send a signal as an impatient shell does."""
    for _ in range(3):
        process.send_signal(getattr(signal, name))


def once(act: Callable[[], object]) -> Callable[[], None]:
    """Return what acts at its first call, and lets other threads wait until then.

    No request is answered before the signal, and none comes seconds later, which would end what the command undoes.
    """
    lock, acted = threading.Lock(), list[object]()

    def call() -> None:
        with lock:
            if not acted:
                acted.append(act())

    return call


@BOTH
def test_a_signal_leaves_no_unfinished_file(folder: Path, name: str) -> None:
    """A command that writes what a pipe brings ends with its code, and the folder is as it was."""
    with running(folder, "-s", "file:assets", "upload", "-", "--key", "a") as process:
        assert process.stdin is not None
        own = folder / "assets" / ".assetstore" / "tmp"
        while not (own.is_dir() and list(own.iterdir())):
            process.stdin.write(bytes(1000))
            process.stdin.flush()
        end(process, name)
        assert process.wait(600) in ENDED[name]
    assert ([], []) == (list(own.iterdir()), [path.name for path in (folder / "assets").iterdir() if path.name[0] != "."])


@BOTH
@pytest.mark.parametrize("case", COMMANDS)
def test_a_signal_leaves_nothing_in_a_bucket(
    seaweedfs: S3Server, unique_prefix: str, folder: Path, name: str, case: str
) -> None:
    """At whatever request it comes: uploads in parts are aborted, also one whose id is still on its way."""
    arguments, moment = COMMANDS[case]
    arguments = [unique_prefix + text if text in ("a", "x", "there") else text for text in arguments]
    started = threading.Event()

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if moment in request.path and request.method != "HEAD":
            started.wait()
            end_once()
        return reply

    end_once = once(lambda: end(process, name))

    with seaweedfs.client() as client, stand_in(seaweedfs.endpoint_url, script) as served:
        client.put_object(Bucket=seaweedfs.bucket, Key=f"{unique_prefix}there", Body=BIG)
        url = f"s3://{seaweedfs.bucket}?endpoint_url={served.url}&part_size={PART}"
        keys = {"R2_ACCESS_KEY": seaweedfs.access_key, "R2_SECRET_KEY": seaweedfs.secret_key}
        with running(folder, "-s", url, *arguments, **keys) as process:
            started.set()
            with contextlib.suppress(BrokenPipeError):
                process.communicate(BIG if "-" in arguments else None, timeout=600)
            assert process.returncode in ENDED[name]
        assert [] == _uploads(client, seaweedfs.bucket, unique_prefix)
        # On a busy machine an asset may be whole before the command hears of the signal; nothing less is there.
        for key in _keys(client, seaweedfs.bucket, unique_prefix):
            assert BIG == client.get_object(Bucket=seaweedfs.bucket, Key=unique_prefix + key)["Body"].read()
    assert [] == list(folder.rglob("*.part"))


@BOTH
def test_a_sync_goes_on_after_a_signal(seaweedfs: S3Server, unique_prefix: str, folder: Path, name: str) -> None:
    """It says how, leaves no half asset and no upload in parts, and the next run does the rest."""
    for number in range(40):
        (folder / "art" / f"small{number:02}").write_bytes(b"%d" % number)
    started = threading.Event()

    def script(request: Request, forward: Forward) -> Reply:
        reply = forward()
        if request.method == "PUT" and "small" in request.path:
            started.wait()
            end_once()
        return reply

    end_once = once(lambda: end(process, name))

    with seaweedfs.client() as client, stand_in(seaweedfs.endpoint_url, script) as served:
        url = f"s3://{seaweedfs.bucket}?endpoint_url={{}}&part_size={PART}#{unique_prefix}"
        keys = {"R2_ACCESS_KEY": seaweedfs.access_key, "R2_SECRET_KEY": seaweedfs.secret_key}
        keys["XDG_CACHE_HOME"] = str(folder / "cache")
        with running(folder, "sync", "./art", url.format(served.url), **keys) as process:
            started.set()
            _, told = process.communicate(timeout=600)
            assert process.returncode in ENDED[name]
        assert b"changes done, and nothing is half-written: run it again to go on" in told
        assert [] == _uploads(client, seaweedfs.bucket, unique_prefix)
        with running(folder, "sync", "./art", url.format(seaweedfs.endpoint_url), **keys) as again:
            _, told = again.communicate(timeout=600)
        assert (0, True) == (again.returncode, told.startswith(b"synced ")), told
        assert sorted(os.listdir(folder / "art")) == _keys(client, seaweedfs.bucket, unique_prefix)


def _uploads(client: Any, bucket: str, prefix: str) -> list[str]:
    answer = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    return [found["Key"] for found in answer.get("Uploads", [])]


def _keys(client: Any, bucket: str, prefix: str) -> list[str]:
    answer = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [found["Key"].removeprefix(prefix) for found in answer["Contents"]]
