"""Large uploads and downloads go on in another process where one was killed, and never mix two versions."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest

from assetstore import AssetStore

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from r2_stand_in import PART, Forward, Reply, Request, StandIn, backend_on, stand_in

SIZE = 65 << 20
PARTS = SIZE // PART
DATA = random.Random(7).randbytes(SIZE)
BOTH = pytest.mark.parametrize("name", ["seaweedfs", "emulator"])


@attrs.define(eq=False)
class World:
    """A server behind a stand-in that may kill the client, and a command that works on it.

    Attributes:
        server: the server.
        proxy: the stand-in in front of it.
        folder: the working directory of the command.
        process: the command at work.
        part_size: bytes of each part.
    """

    server: Any
    proxy: StandIn
    folder: Path
    process: subprocess.Popen[str] | None = None
    part_size: int = PART

    def start(self, *arguments: str) -> tuple[int, str]:
        """Run the command to its end, which a script may bring; return its exit code and what it wrote to stderr."""
        query = urlencode({"endpoint_url": self.proxy.url, "part_size": self.part_size})
        kind = "r2:///" if self.server.name == "emulator" else "s3://"
        return self.run("-m", "assetstore", "-s", f"{kind}{self.server.bucket}?{query}", *arguments)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a Python program in the same way."""
        command = [sys.executable, *arguments]
        variables = {
            "R2_ACCESS_KEY": self.server.access_key,
            "R2_SECRET_KEY": self.server.secret_key,
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        environment = {**os.environ, **variables}
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as self.process:
            _, err = self.process.communicate()
        return self.process.returncode, err

    def kill(self, pattern: str, count: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Let the process be killed when so many requests of a kind have been answered, each before the next is taken."""
        left, lock = [count], threading.Lock()

        def script(request: Request, forward: Forward) -> Reply | None:
            if not re.search(pattern, f"{request.method} {request.path}"):
                return forward()
            if left[0] <= 0:
                return None  # the client is gone
            reply = forward()
            with lock:  # one thread alone sends the signal, which a late one would send to the next process
                left[0] -= 1
                is_last = left[0] == 0
            if is_last:
                assert self.process is not None
                self.process.send_signal(number)
            return reply

        self.proxy.script = script

    def let(self) -> None:
        """Kill no more, and count from nothing."""
        self.proxy.script = lambda request, forward: forward()
        self.proxy.requests.clear()

    def sent(self, pattern: str) -> int:
        """Return how many requests of a kind came."""
        return sum(bool(re.search(pattern, f"{request.method} {request.path}")) for request in self.proxy.requests)

    @property
    def notes(self) -> list[Path]:
        """The notes that are left."""
        return list((self.folder / "state" / "assetstore" / "transfers").iterdir())

    def store(self) -> AssetStore:
        """Return a store on the server itself."""
        return AssetStore(backend_on(self.server))

    def open_uploads(self, key: str) -> int:
        """Return how many uploads in parts of a key are open."""
        if self.server.name == "emulator":
            return 0  # it cannot list them
        with self.server.client() as client:
            found = client.list_multipart_uploads(Bucket=self.server.bucket, Prefix=key)
        return len(found.get("Uploads", []))


@pytest.fixture
def world(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Give a world."""
    server = request.getfixturevalue(name)
    with stand_in(server.endpoint_url) as proxy:
        yield World(server, proxy, tmp_path)


PUT_PART, GET = r"^PUT .*partNumber", r"^GET .*big"


@BOTH
def test_a_killed_upload_goes_on_in_another_process(world, unique_prefix):
    """What the first process sent is not sent again, the asset is whole, and no notes and no open upload are left."""
    key, file = f"{unique_prefix}big", world.folder / "big"
    file.write_bytes(DATA)
    world.kill(PUT_PART, 8)
    assert -signal.SIGKILL == world.start("upload", "big", "--key", key)[0]
    assert 1 == len(world.notes)
    world.let()
    code, err = world.start("upload", "big", "--key", key)
    assert (0, True) == (code, "resumed" in err), err
    with world.store() as store:
        assert DATA == store.read(key)
    assert world.sent(PUT_PART) <= PARTS - 8 + 4
    assert ([], 0) == (world.notes, world.open_uploads(key))


@BOTH
def test_a_file_that_changed_is_sent_anew(world, unique_prefix):
    """Of a file that was rewritten between two runs the new bytes are stored, and the old upload is aborted."""
    key, file = f"{unique_prefix}big", world.folder / "big"
    file.write_bytes(DATA)
    world.kill(PUT_PART, 8)
    world.start("upload", "big", "--key", key)
    newer = DATA[: SIZE // 2] + b"!" + DATA[SIZE // 2 + 1 :]
    file.write_bytes(newer)
    world.let()
    code, err = world.start("upload", "big", "--key", key)
    assert (0, False) == (code, "resumed" in err), err
    with world.store() as store:
        assert newer == store.read(key)
    assert ([], 0) == (world.notes, world.open_uploads(key))


@BOTH
def test_an_upload_that_was_completed_unheard_is_recognised(world, unique_prefix):
    """A process that is killed before it hears that its upload was completed: the next one sends no part again."""
    key = f"{unique_prefix}big"
    (world.folder / "big").write_bytes(DATA)
    world.kill("^POST .*uploadId", 1)
    assert -signal.SIGKILL == world.start("upload", "big", "--key", key)[0]
    world.let()
    assert 0 == world.start("upload", "big", "--key", key)[0]
    assert (0, []) == (world.sent(PUT_PART), world.notes)
    with world.store() as store:
        assert DATA == store.read(key)


@pytest.mark.parametrize("name", ["seaweedfs"])
def test_an_upload_that_was_ended_meanwhile_begins_anew(world, unique_prefix):
    """If somebody aborts the upload between two runs, the next one sends everything."""
    key = f"{unique_prefix}big"
    (world.folder / "big").write_bytes(DATA)
    world.kill(PUT_PART, 8)
    world.start("upload", "big", "--key", key)
    with world.server.client() as client:
        for upload in client.list_multipart_uploads(Bucket=world.server.bucket, Prefix=key)["Uploads"]:
            client.abort_multipart_upload(Bucket=world.server.bucket, Key=key, UploadId=upload["UploadId"])
    world.let()
    assert 0 == world.start("upload", "big", "--key", key)[0]
    assert PARTS == world.sent(PUT_PART)
    with world.store() as store:
        assert DATA == store.read(key)


SMALL = DATA[: 4 * PART + 1]
"""Bytes of several parts, and too few to go on with."""


@pytest.mark.parametrize("name", ["seaweedfs"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_killed_small_upload_is_ended_by_the_next_sync(world, unique_prefix, changed):
    """A sync that was killed leaves an upload open, which the next one ends, and none of anybody else for the same key."""
    (world.folder / "art").mkdir()
    (world.folder / "art" / "a").write_bytes(SMALL)
    key, sync = f"{unique_prefix}a", ("sync", "./art", f":{unique_prefix}")
    with world.server.client() as client:
        client.create_multipart_upload(Bucket=world.server.bucket, Key=key)
    world.kill(PUT_PART, 2)
    assert -signal.SIGKILL == world.start(*sync)[0]
    assert (1, 2) == (len(world.notes), world.open_uploads(key))
    if changed:
        (world.folder / "art" / "a").write_bytes(SMALL[::-1])
    world.let()
    code, err = world.start(*sync)
    assert (0, False) == (code, "resumed" in err), err
    assert ([], 1, 5) == (world.notes, world.open_uploads(key), world.sent(PUT_PART))
    with world.store() as store:
        assert (SMALL[::-1] if changed else SMALL) == store.read(key)


@pytest.mark.parametrize("name", ["seaweedfs"])
@pytest.mark.parametrize("before", [SMALL, DATA])
def test_a_killed_upload_is_ended_by_one_that_needs_no_parts(world, unique_prefix, before):
    """What is sent under the key by then may fit into one part; what was begun for it is ended all the same."""
    world.part_size, key = PART + 1, f"{unique_prefix}a"
    (world.folder / "file").write_bytes(before)
    world.kill(PUT_PART, 2)
    assert -signal.SIGKILL == world.start("upload", "file", "--key", key)[0]
    assert (1, 1) == (len(world.notes), world.open_uploads(key))
    (world.folder / "file").write_bytes(DATA[: PART + 1])
    world.let()
    code, err = world.start("upload", "file", "--key", key)
    assert (0, 0, 0, []) == (code, world.sent(PUT_PART), world.open_uploads(key), world.notes), err


@pytest.mark.parametrize("name", ["seaweedfs"])
def test_a_killed_upload_of_another_user_stays(world, unique_prefix):
    """Whoever has other notes, as another machine or user has, ends nothing of it."""
    (world.folder / "small").write_bytes(SMALL)
    key = f"{unique_prefix}a"
    world.kill(PUT_PART, 2)
    assert -signal.SIGKILL == world.start("upload", "small", "--key", key)[0]
    world.let()
    (world.folder / "state").rename(world.folder / "state of another")
    assert 0 == world.start("upload", "small", "--key", key)[0]
    assert 1 == world.open_uploads(key)


@pytest.mark.parametrize("name", ["seaweedfs"])
def test_ctrl_c_leaves_nothing_of_a_small_upload(world, unique_prefix):
    """It is ended at once, and there is nothing to go on with."""
    (world.folder / "small").write_bytes(SMALL)
    key = f"{unique_prefix}a"
    world.kill(PUT_PART, 2, signal.SIGINT)
    code, err = world.start("upload", "small", "--key", key)
    assert (130, False) == (code, "run the same command again" in err), err
    assert ([], 0) == (world.notes, world.open_uploads(key))


@pytest.mark.parametrize("name", ["seaweedfs"])
@pytest.mark.parametrize(("more", "left"), [((), 1), (("--no-resume",), 0)])
def test_ctrl_c_keeps_what_goes_on(world, unique_prefix, more, left):
    """Ctrl-C keeps the upload and says so; with --no-resume it aborts it."""
    key = f"{unique_prefix}big"
    (world.folder / "big").write_bytes(DATA)
    world.kill(PUT_PART, 8, signal.SIGINT)
    code, err = world.start("upload", "big", "--key", key, *more)
    assert (130, bool(left)) == (code, "run the same command again" in err), err
    assert left == world.open_uploads(key)
    world.let()
    assert 0 == world.start("upload", "big", "--key", key, *more)[0]
    assert (0, left == 0) == (world.open_uploads(key), world.sent(PUT_PART) == PARTS)


@BOTH
def test_a_killed_download_goes_on_in_another_process(world, unique_prefix):
    """What the first process fetched is not fetched again, the file is whole, and nothing is left beside it."""
    key = f"{unique_prefix}big"
    with world.store() as store:
        store.upload(DATA, key)
    world.kill(GET, 8)
    assert -signal.SIGKILL == world.start("download", key, "-o", "out/big")[0]
    (part,) = (world.folder / "out").iterdir()
    assert part.name.endswith(".part")
    world.let()
    code, err = world.start("download", key, "-o", "out/big")
    assert (0, True) == (code, "resumed" in err), err
    assert [world.folder / "out/big"] == list((world.folder / "out").iterdir())
    assert DATA == (world.folder / "out/big").read_bytes()
    assert (True, []) == (world.sent(GET) <= PARTS - 8 + 4, world.notes)


@pytest.mark.parametrize("name", ["seaweedfs"])
@pytest.mark.parametrize("harm", ["damaged", "cut", "gone", "a link", "replaced"])
def test_an_unfinished_file_is_not_trusted(world, unique_prefix, harm):
    """Whatever became of the unfinished file or of the asset, the file at the end is the asset as it is now."""
    key, data = f"{unique_prefix}big", DATA
    with world.store() as store:
        store.upload(DATA, key)
        world.kill(GET, 8)
        world.start("download", key, "-o", "out/big")
        world.let()
        (part,) = (world.folder / "out").iterdir()
        if harm == "damaged":
            with part.open("r+b") as file:
                file.write(b"x" * 100)
        elif harm == "cut":
            os.truncate(part, 100)
        elif harm == "replaced":
            data = DATA[::-1]
            store.upload(data, key)
        else:
            part.unlink()
            if harm == "a link":
                (world.folder / "other").write_bytes(b"of somebody else")
                part.symlink_to(world.folder / "other")
        assert 0 == world.start("download", key, "-o", "out/big")[0]
    assert data == (world.folder / "out/big").read_bytes()
    assert [world.folder / "out/big"] == list((world.folder / "out").iterdir())
    if harm == "a link":
        assert b"of somebody else" == (world.folder / "other").read_bytes()


@pytest.mark.parametrize("name", ["seaweedfs"])
def test_notes_hold_no_secret(world, unique_prefix):
    """The file of notes is its owner's alone, and has neither the key, nor a credential, nor an address."""
    key = f"{unique_prefix}big"
    (world.folder / "big").write_bytes(DATA)
    world.kill(PUT_PART, 3)
    world.start("upload", "big", "--key", key, "--metadata", "by=confidential")
    (notes,) = world.notes
    text = f"{notes.name} {notes.read_text()}"
    assert 0o600 == notes.stat().st_mode & 0o777
    for secret in (unique_prefix, world.server.access_key, world.server.secret_key, "http", "confidential"):
        assert secret not in text


COPY = """
import json, sys
from assetstore import open_store
from assetstore.sync import copy_between

source, destination, key = json.loads(sys.argv[1])
with open_store(source) as one, open_store(destination) as other:
    copy_between(one, key, other, resume=lambda *told: print(*told))
"""


@BOTH
def test_a_killed_copy_between_stores_goes_on(world, unique_prefix):
    """The next process reads the asset again and sends only what is missing; the copy has its headers."""
    key = f"{unique_prefix}big"
    with world.store() as store:
        store.upload(DATA, key, content_type="image/png", metadata={"by": "gm"})
    fields = {"backend": "s3", "access_key": world.server.access_key, "secret_key": world.server.secret_key}
    there = {**fields, "bucket": world.server.bucket, "endpoint_url": world.server.endpoint_url}
    here = {**fields, "bucket": world.server.other_bucket, "endpoint_url": world.proxy.url, "part_size": PART}
    arguments = ["-c", COPY, json.dumps([there, here, key])]
    world.kill(PUT_PART, 8)
    assert -signal.SIGKILL == world.run(*arguments)[0]
    world.let()
    assert (0, "") == world.run(*arguments)
    assert world.sent(PUT_PART) <= PARTS - 8 + 4
    with AssetStore(backend_on(world.server, bucket=world.server.other_bucket)) as store:
        info = store.stat(key)
        assert (DATA, "image/png", {"by": "gm"}) == (store.read(key), info.content_type, info.metadata)
    assert [] == world.notes
