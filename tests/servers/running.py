"""Starting a server's process, waiting until it serves, ending it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .s3_server import S3Server

SUPERVISOR = Path(__file__).with_name("until_stdin_closes.py")
SECONDS_TO_START = 600
ATTEMPTS = 3

FindServer = Callable[[], S3Server | None]
"""Gives the server's address and keys, or None while they are not known yet."""


class StartError(RuntimeError):
    """A server ended, or did not serve in time; the message holds the end of its log."""


@contextmanager
def serving(prepare: Callable[[], tuple[list[str], FindServer]], log: Path) -> Iterator[S3Server]:
    """Run the command that `prepare()` gives until the block ends, anew when a chosen port was taken meanwhile.

    Raises:
        StartError: when no attempt served.
    """
    for attempt in range(1, ATTEMPTS + 1):
        command, find = prepare()
        with process(command, log) as running:
            try:
                server = wait_until_serving(find, running, log)
            except StartError:
                if attempt == ATTEMPTS:
                    raise
                continue
            yield server
            return


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in a new folder, its output going to `log`; when the block ends, process and folder are gone."""
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, SUPERVISOR, *command],
            cwd=tempfile.mkdtemp(prefix="assetstore-"),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests alone: they need the server until they have ended
        )
    with supervisor:
        yield supervisor


def wait_until_serving(find: FindServer, running: subprocess.Popen[bytes], log: Path) -> S3Server:
    """Ask until the server is found and takes assets in both of its buckets.

    Raises:
        StartError: when the process ends first, or ten minutes pass.
    """
    deadline = time.monotonic() + SECONDS_TO_START
    while running.poll() is None and time.monotonic() < deadline:
        server = find()
        if server and takes_assets(server):
            return server
        try:
            running.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    ending = "did not serve in time" if running.poll() is None else f"ended with exit code {running.returncode}"
    raise StartError(f"the server {ending}; its log ends with:\n{log.read_text(errors='replace')[-4000:]}")


def takes_assets(server: S3Server) -> bool:
    """Tell whether both buckets, made where they are missing, take an asset and let it go, all with signed requests."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with server.client() as client:
            for bucket in (server.bucket, server.other_bucket):
                try:
                    client.head_bucket(Bucket=bucket)
                except ClientError:
                    client.create_bucket(Bucket=bucket)
                client.put_object(Bucket=bucket, Key="ready", Body=b"ready")
                client.delete_object(Bucket=bucket, Key="ready")
    except (BotoCoreError, ClientError):
        return False
    return True
