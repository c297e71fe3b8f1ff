"""Folder markers: assets without bytes whose keys end with a slash, which the consoles of S3 services make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running import Done

from assetstore import AssetStore

if TYPE_CHECKING:
    from running import Run

KEYS = ("m1/", "m1/a.txt", "m1/empty/", "m1/sub/", "m1/sub/b.txt")


@pytest.fixture(params=["folder", "seaweedfs", "emulator"])
def on(run: Run, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Done]]:
    """Give a function that runs a command on a store with markers; on S3 they are made by boto3, as a console does."""
    if request.param == "folder":
        store: AssetStore = request.getfixturevalue("store")
        for info in store.list():
            store.delete(info)
        for key in KEYS:
            store.upload(b"" if key.endswith("/") else b"x", key)
        yield lambda *arguments: run("-s", "file:assets", *arguments)
        return
    server: Any = request.getfixturevalue(request.param)
    monkeypatch.setenv("R2_ACCESS_KEY", server.access_key)
    monkeypatch.setenv("R2_SECRET_KEY", server.secret_key)
    url = f"s3://{server.other_bucket}?endpoint_url={server.endpoint_url}&region={server.region}"
    with server.client() as client:
        for key in KEYS:
            client.put_object(Bucket=server.other_bucket, Key=key, Body=b"" if key.endswith("/") else b"x")
        yield lambda *arguments: run("-s", url, *arguments)
        for content in client.list_objects_v2(Bucket=server.other_bucket).get("Contents", ()):
            client.delete_object(Bucket=server.other_bucket, Key=content["Key"])


@pytest.mark.parametrize("arguments", [("-r", "m1/"), ("-r", "m1"), ("-r", ""), ("-r", "m1", "--keep-folders"), ("**",)])
def test_a_marker_becomes_a_folder(on: Callable[..., Done], folder: Path, arguments: tuple[str, ...]) -> None:
    """A download makes the folder, counts no file and reports no error."""
    done = on("download", *arguments, "-o", "out")
    assert (0, "downloaded 2 files, 2 B in") == (done.code, done.err[:26])
    top = folder / "out" if arguments in (("-r", "m1/"), ("-r", "m1")) else folder / "out/m1"
    assert ["a.txt", "empty", "sub", "sub/b.txt"] == sorted(path.relative_to(top).as_posix() for path in top.rglob("*"))
    assert b"xx" == on("download", *arguments, "-o", "-").raw


def test_a_folder_does_not_list_itself(on: Callable[..., Done]) -> None:
    """People see what is in the folder; ``-r`` and ``--json`` show every key."""
    assert ["m1/a.txt", "m1/empty/", "m1/sub/"] == on("list", "m1/").lines
    done = on("list", "-l", "m1/")
    assert (3, "3 entries, 1 B\n") == (len(done.lines), done.err)
    assert list(KEYS) == on("list", "-r", "m1/").lines
    assert "m1/" in [record.get("key") for record in on("list", "--json", "m1/").records]


def test_markers_go_where_their_folders_go(on: Callable[..., Done]) -> None:
    """A copy has them too, a move and a deletion leave none behind."""
    assert 0 == on("copy", "-n", "-r", "m1", "m2/").code
    assert 0 == on("copy", "-r", "m1", "m2/").code
    assert 0 == on("move", "-r", "m1", "m1/").code
    assert [key.replace("m1", "m2") for key in KEYS] == on("list", "-r", "m2").lines
    assert 0 == on("move", "-r", "m1", "m3/").code
    assert [key.replace("m1", "m3") for key in KEYS] == on("list", "-r", "m3").lines
    assert 0 == on("delete", "-y", "-r", "m2", "m3").code
    assert [] == on("list", "-r").lines
