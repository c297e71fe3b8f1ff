"""The servers of the test session: that they check what they must, and each fault that another test leaves out.

A fault's test fails once the server is mended: then the case that was left out can come back.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from servers import S3Server
from servers.emulator import FILES
from servers.running import StartError, process, serving

Keys = list[str]


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Give each server in turn."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def weed(seaweedfs: S3Server) -> Iterator[Any]:
    """Give a client of SeaweedFS."""
    with seaweedfs.client() as client:
        yield client


@pytest.fixture
def r2(emulator: S3Server) -> Iterator[Any]:
    """Give a client of Cloudflare's emulator."""
    with emulator.client() as client:
        yield client


def listed(client: Any, prefix: str) -> Keys:
    """List the keys under `prefix` without it."""
    page = client.list_objects_v2(Bucket="assets", Prefix=prefix)
    return [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]


def status(refused: pytest.ExceptionInfo[ClientError]) -> int:
    """Give the HTTP status of a refusal."""
    code: int = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return code


def test_a_wrong_secret_is_refused(server: S3Server) -> None:
    """Signatures are checked, so a client that signs wrongly fails here too."""
    with server.client(secret_key="0" * 64) as client, pytest.raises(ClientError) as refused:
        client.put_object(Bucket=server.bucket, Key="a", Body=b"a")
    assert (403, "SignatureDoesNotMatch") == (status(refused), refused.value.response["Error"]["Code"])


def test_an_unsigned_request_is_refused(server: S3Server) -> None:
    """Nothing is public."""
    answer = requests.get(f"{server.endpoint_url}/{server.bucket}/a", timeout=600)
    assert answer.status_code in {400, 401, 403}


def test_a_tampered_signed_url_is_refused(server: S3Server, unique_prefix: str) -> None:
    """A signed URL opens its own key alone."""
    with server.client() as client:
        client.put_object(Bucket=server.bucket, Key=unique_prefix + "mine", Body=b"mine")
        client.put_object(Bucket=server.bucket, Key=unique_prefix + "other", Body=b"other")
        url = client.generate_presigned_url("get_object", {"Bucket": server.bucket, "Key": unique_prefix + "mine"})
    assert b"mine" == requests.get(url, timeout=600).content
    assert 403 == requests.get(url.replace("mine", "other"), timeout=600).status_code


def test_what_is_put_is_listed_and_read_back(server: S3Server, unique_prefix: str) -> None:
    """Bytes and keys come back, from the bucket they were put in and no other."""
    with server.client() as client:
        client.put_object(Bucket=server.bucket, Key=unique_prefix + "a/b.txt", Body=b"bytes", ContentType="text/plain")
        answer = client.get_object(Bucket=server.bucket, Key=unique_prefix + "a/b.txt")
        assert (b"bytes", "text/plain") == (answer["Body"].read(), answer["ContentType"])
        assert ["a/b.txt"] == listed(client, unique_prefix)
        assert 0 == client.list_objects_v2(Bucket=server.other_bucket, Prefix=unique_prefix)["KeyCount"]


def test_a_bucket_that_is_not_there_is_not_made(server: S3Server) -> None:
    """A misspelt bucket fails as it does on R2."""
    with server.client() as client, pytest.raises(client.exceptions.NoSuchBucket):
        client.put_object(Bucket="no-such-bucket", Key="a", Body=b"a")


def test_the_servers_listen_on_loopback_alone(server: S3Server) -> None:
    """Nobody else on the network reaches a server of the tests."""
    address = urlsplit(server.endpoint_url)
    assert "127.0.0.1" == address.hostname
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", address.port), timeout=600)


def test_a_secret_is_not_shown(server: S3Server) -> None:
    """A failing test prints its fixtures; the secret stays out."""
    assert server.secret_key not in repr(server)


def test_a_server_and_its_files_end_with_whoever_holds_its_standard_input(tmp_path: Path) -> None:
    """An interrupted or killed session leaves no process and no folder."""
    log = tmp_path / "log"
    program = "import os, signal; print(os.getpid(), os.getcwd()[:99], flush=True); signal.pause()"
    with process([sys.executable, "-c", program], log) as supervisor:
        while not log.read_text().endswith("\n"):
            assert supervisor.poll() is None
    pid, folder = log.read_text().split()
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """A newcomer sees why a server did not start, at once."""
    program = "print('that port is taken'); raise SystemExit(3)"
    with (
        pytest.raises(StartError, match=r"exit code 3(.|\n)*that port is taken"),
        serving(lambda: ([sys.executable, "-c", program], lambda: None), tmp_path / "log"),
    ):
        raise AssertionError("it cannot serve")


def test_the_emulator_is_pinned_exactly() -> None:
    """The faults below are those of one version."""
    assert {"miniflare": "4.20260730.0"} == json.loads((FILES / "package.json").read_text())["dependencies"]


@pytest.mark.parametrize(
    ("put", "left"),
    [
        (["a//b", "a/b"], ["a/b"]),
        (["t/", "t"], ["t"]),
        (["/lead"], ["lead"]),
        (["back\\slash"], ["back/slash"]),
    ],
)
def test_seaweedfs_fault_odd_keys_are_changed(weed: Any, unique_prefix: str, put: Keys, left: Keys) -> None:
    """Empty segments and backslashes are lost, so odd keys are tested on the emulator."""
    for key in put:
        weed.put_object(Bucket="assets", Key=unique_prefix + key, Body=b"x")
    assert left == listed(weed, unique_prefix)


def test_seaweedfs_fault_a_segment_over_255_bytes_is_refused(weed: Any, unique_prefix: str) -> None:
    """Long segments are tested on the emulator."""
    with pytest.raises(ClientError):
        weed.put_object(Bucket="assets", Key=unique_prefix + "s" * 256, Body=b"x")


def test_seaweedfs_fault_a_listing_is_in_order_of_folders(weed: Any, unique_prefix: str) -> None:
    """Listing order and start-after are tested on the emulator: as bytes, `a-b` comes before `a/b`."""
    for key in ("a/b", "a-b"):
        weed.put_object(Bucket="assets", Key=unique_prefix + key, Body=b"x")
    assert ["a/b", "a-b"] == listed(weed, unique_prefix)


def test_seaweedfs_fault_a_prefix_outlives_its_assets(weed: Any, unique_prefix: str) -> None:
    """That an emptied prefix is gone is tested on the emulator."""
    target = {"Bucket": "assets", "Key": unique_prefix + "folder/a"}
    weed.put_object(**target, Body=b"x")
    weed.delete_object(**target)
    page = weed.list_objects_v2(Bucket="assets", Prefix=unique_prefix, Delimiter="/")
    assert [{"Prefix": unique_prefix + "folder/"}] == page["CommonPrefixes"]


def test_emulator_fault_a_wrong_checksum_is_accepted(r2: Any, unique_prefix: str) -> None:
    """Checksums are tested on SeaweedFS."""
    r2.put_object(Bucket="assets", Key=unique_prefix + "a", Body=b"x", ChecksumCRC32="AAAAAA==")
    assert ["a"] == listed(r2, unique_prefix)


def test_emulator_fault_multipart_uploads_are_not_listed(r2: Any) -> None:
    """What an aborted upload leaves behind is tested on SeaweedFS."""
    with pytest.raises(ClientError) as refused:
        r2.list_multipart_uploads(Bucket="assets")
    assert 501 == status(refused)


def test_emulator_fault_no_condition_at_the_end_of_a_multipart_upload(r2: Any, unique_prefix: str) -> None:
    """Create-only multipart uploads are tested on SeaweedFS."""
    target = {"Bucket": "assets", "Key": unique_prefix + "a"}
    r2.put_object(**target, Body=b"first")
    upload = r2.create_multipart_upload(**target)["UploadId"]
    part = r2.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"second")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    r2.complete_multipart_upload(**target, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    assert b"second" == r2.get_object(**target)["Body"].read()


@pytest.mark.parametrize(
    "too_much", [{"Key": "k" * 1025}, {"Key": "a", "Metadata": {"m": "v" * 2049}}], ids=["key", "metadata"]
)
def test_emulator_fault_what_is_too_long_gives_500(r2: Any, too_much: dict[str, Any]) -> None:
    """Lengths beyond R2's limits are refused before anything is sent, so no server is asked."""
    with pytest.raises(ClientError) as refused:
        r2.put_object(Bucket="assets", Body=b"x", **too_much)
    assert 500 == status(refused)


def test_emulator_fault_response_overrides_are_ignored(r2: Any, unique_prefix: str) -> None:
    """Overrides of response headers are tested on SeaweedFS."""
    target = {"Bucket": "assets", "Key": unique_prefix + "a"}
    r2.put_object(**target, Body=b"x", ContentType="text/plain")
    assert "text/plain" == r2.get_object(**target, ResponseContentType="image/png")["ContentType"]
