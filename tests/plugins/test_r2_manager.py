"""The older class, against real servers and in all its error cases."""

from __future__ import annotations

import dataclasses
import re
import runpy
import socketserver
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    ConfigError,
    CredentialsError,
    InvalidKeyError,
    InvalidOptionError,
    StoreNotFoundError,
)
from assetstore.plugin import is_valid_key
from assetstore_r2 import DownloadResult, R2AssetManager, UploadResult
from kept_ports import kept_port

if TYPE_CHECKING:
    from servers import S3Server

SEED = Path(__file__).parent.parent / "data" / "seed"
PICTURE = b"\xff\xd8\xff" + bytes(2000)
NOT_CONFIGURED = "R2 configuration missing or invalid"
CANARY = "canary-4b1d"
NEW_KEY = r"\d{8}_\d{6}_[0-9a-f]{8}_"


def settings_of(server: S3Server) -> dict[str, Any]:
    """Return the settings that reach a server."""
    return {
        "R2_ENABLED": True,
        "R2_ENDPOINT": server.endpoint_url,
        "R2_ACCESS_KEY": server.access_key,
        "R2_SECRET_KEY": server.secret_key,
        "R2_BUCKET_NAME": server.bucket,
    }


def settings_for_port(port: int) -> dict[str, Any]:
    """Return the settings that reach a port of this machine."""
    place = {"R2_ENABLED": "on", "R2_ENDPOINT": f"http://127.0.0.1:{port}", "R2_BUCKET_NAME": "assets"}
    return {**place, "R2_ACCESS_KEY": "b" * 32, "R2_SECRET_KEY": CANARY}


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Give each server in turn."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def manager(server: S3Server) -> R2AssetManager:
    """Give a manager of a server's bucket."""
    return R2AssetManager(settings_of(server))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Give a file to upload."""
    path = tmp_path / "keep.jpg"
    path.write_bytes(PICTURE)
    return path


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Give the log of the class alone, from INFO."""
    caplog.set_level("INFO", logger="assetstore_r2")
    return caplog


@pytest.fixture
def settings_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that writes the importable module ``settings``."""
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.modules.pop("settings", None)

    def write(values: dict[str, Any]) -> None:
        (tmp_path / "settings.py").write_text("".join(f"{name} = {value!r}\n" for name, value in values.items()))

    yield write
    sys.modules.pop("settings", None)
    if before is not None:
        sys.modules["settings"] = before


def every_call(manager: R2AssetManager, picture: Path, target: Path) -> dict[str, tuple[Callable[[], object], object]]:
    """Return each call that needs the network, with what it returns when it fails; ``...`` for a result object."""
    return {
        "upload": (lambda: manager.upload_file(str(picture), "images"), ...),
        "download": (lambda: manager.download_file("k", str(target)), ...),
        "info": (lambda: manager.get_object_info("k"), None),
        "exists": (lambda: manager.object_exists("k"), False),
        "list": (lambda: manager.list_objects("images/"), []),
        "delete": (lambda: manager.delete_file("k"), False),
        "hash": (lambda: manager.get_object_hash("k"), None),
        "promote": (lambda: manager.promote_file("k", "l"), False),
    }


def every_signing(manager: R2AssetManager) -> dict[str, Callable[[], object]]:
    """Return each call that signs a URL."""
    return {
        "presigned": lambda: manager.get_presigned_url("k"),
        "link": lambda: manager.get_link("k"),
        "generate": lambda: manager.generate_presigned_url("k", method="PUT"),
        "intent": lambda: manager.generate_presigned_upload_url("k", "9f3c1a6b5d2e4f70"),
    }


def assert_fails(call: Callable[[], object], wanted: object) -> str | None:
    """Make a call that must fail and return the error of its result, if it has one."""
    returned = call()
    if wanted is not ...:
        assert wanted == returned
        return None
    assert isinstance(returned, UploadResult | DownloadResult)
    assert type(returned)(success=False, error=returned.error) == returned
    return returned.error


class Busy(socketserver.ThreadingTCPServer):
    """A server to which many connect at once."""

    request_queue_size = 1024  # a connection that finds the queue full is tried again after seconds


class HangingUp(socketserver.BaseRequestHandler):
    """Ends each connection without a response."""

    def handle(self) -> None:
        """Read the request and do not respond."""
        self.request.recv(1 << 16)


def test_the_basic_operations_run_unchanged(
    server: S3Server,
    picture: Path,
    tmp_path: Path,
    settings_module: Callable[[dict[str, Any]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A program written for the older class does what it did, with its module ``settings``."""
    settings_module(settings_of(server))
    copy = tmp_path / "new folder" / "copy.jpg"
    runpy.run_path(str(SEED / "basic.py"))["main"](str(picture), str(copy))
    printed = capsys.readouterr().out
    key = re.search(r"^File key: (.*)$", printed, re.MULTILINE)
    assert key is not None
    assert re.fullmatch(rf"images/{NEW_KEY}keep\.jpg", key[1])
    for line in (
        rf"Uploaded: {server.endpoint_url}/assets/images/\S+",
        f"Downloaded to: {copy}",
        rf"Temporary URL: {server.endpoint_url}/assets/images/\S+X-Amz-Expires=3600\S+",
        f"Size: {len(PICTURE)} bytes",
        r"Last modified: 20\d\d-\S+ \S+\+00:00",
        "Content type: image/jpeg",
        rf"{key[1]} - {len(PICTURE)} bytes",
        "File deleted successfully",
    ):
        assert re.search(rf"^{line}$", printed, re.MULTILINE), line
    assert PICTURE == copy.read_bytes()


def test_the_advanced_operations_run_unchanged(
    manager: R2AssetManager, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counters have their names and are set to zero; keys have their form."""
    uploaded = manager.upload_file(picture, "images")
    manager.upload_file(tmp_path / "missing.jpg", "images")
    manager.download_file(str(uploaded.file_key), tmp_path / "copy.jpg")
    key = runpy.run_path(str(SEED / "advanced.py"))["main"](manager)
    size = len(PICTURE)
    assert [
        f"Uploads: 1 files, {size} bytes",
        f"Downloads: 1 files, {size} bytes",
        "Errors: 1 upload errors, 0 download errors",
    ] == capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"screenshots/{NEW_KEY}myfile\.png", key)
    assert {0} == {value for group in manager.get_stats().values() for value in group.values()}


def test_without_configuration_the_basic_operations_say_so(
    picture: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program takes its own fallback."""
    monkeypatch.setenv("R2_ENABLED", "no")
    runpy.run_path(str(SEED / "basic.py"))["main"](str(picture), "copy.jpg")
    assert "R2 is not configured!\n" == capsys.readouterr().out


def test_results_are_the_dataclasses_they_were() -> None:
    """Fields, order, defaults, equality and repr are those of the older class."""
    assert {"success": True, "url": None, "error": None, "file_size": 0, "file_key": None} == dataclasses.asdict(
        UploadResult(True)
    )
    assert {"success": False, "local_path": None, "error": None, "file_size": 0} == dataclasses.asdict(DownloadResult(False))
    assert UploadResult(True, "u", "e", 1, "k") == UploadResult(success=True, url="u", error="e", file_size=1, file_key="k")
    assert DownloadResult(True, "p", "e", 1) == DownloadResult(success=True, local_path="p", error="e", file_size=1)
    assert "UploadResult(success=True, url='u', error=None, file_size=0, file_key='k')" == repr(
        UploadResult(True, "u", file_key="k")
    )
    assert "DownloadResult(success=True, local_path='p', error=None, file_size=1)" == repr(
        DownloadResult(True, "p", file_size=1)
    )


def test_the_printed_url_reads_the_upload_and_the_repr_hides_it(manager: R2AssetManager, picture: Path) -> None:
    """Without a public URL an upload returns a signed one, which is a secret."""
    result = manager.upload_file(picture)
    assert result.url is not None
    with urllib.request.urlopen(result.url) as answer:
        assert (PICTURE, "image/jpeg") == (answer.read(), answer.headers["Content-Type"])
    assert ("Signature" in repr(result), "url='***'" in repr(result)) == (False, True)


def test_a_public_url_is_preferred(seaweedfs: S3Server, picture: Path) -> None:
    """With R2_PUBLIC_URL an upload returns the URL that does not expire."""
    result = R2AssetManager({**settings_of(seaweedfs), "R2_PUBLIC_URL": "https://cdn.example/"}).upload_file(picture)
    assert f"https://cdn.example/{result.file_key}" == result.url
    assert f"url={result.url!r}" in repr(result)


def test_signed_urls_do_what_they_are_signed_for(manager: R2AssetManager, unique_prefix: str) -> None:
    """A signed PUT stores, a signed GET reads, a signed DELETE deletes; boto3's names are understood."""
    key = f"{unique_prefix}direct.bin"
    calls = [("put_object", "PUT", b"direct"), ("GET", "GET", None), ("delete", "DELETE", None)]
    answers = []
    for method, verb, body in calls:
        url = manager.generate_presigned_url(key, method=method, expiration=60)
        assert url is not None
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method=verb)) as answer:
            answers.append(answer.read())
    assert (b"direct", False) == (answers[1], manager.object_exists(key))
    assert "X-Amz-Expires=60" in str(manager.get_link(key, 60))


def test_info_and_listing_have_their_shapes(manager: R2AssetManager, picture: Path) -> None:
    """The dictionaries hold what programs look up in them."""
    key = str(manager.upload_file(picture, "shapes").file_key)
    info = manager.get_object_info(key)
    assert info is not None
    assert ["key", "size", "last_modified", "content_type", "etag", "metadata", "url"] == list(info)
    assert (key, len(PICTURE), "image/jpeg", {}) == (info["key"], info["size"], info["content_type"], info["metadata"])
    assert (UTC.utcoffset(None), True) == (info["last_modified"].utcoffset(), len(info["etag"]) >= 32)
    listed = {item["key"]: item for item in manager.list_objects("shapes/")}
    assert ["key", "size", "last_modified", "etag", "url"] == list(listed[key])
    assert (len(PICTURE), info["etag"]) == (listed[key]["size"], listed[key]["etag"])
    assert abs(listed[key]["last_modified"] - info["last_modified"]) < timedelta(seconds=2)
    assert manager.delete_file(key)
    assert manager.delete_file(key)
    assert (None, False) == (manager.get_object_info(key), manager.object_exists(key))


def test_a_listing_ends_at_max_keys(manager: R2AssetManager, picture: Path, unique_prefix: str) -> None:
    """At most ``max_keys`` are returned, and none for zero."""
    for name in "abc":
        uploaded = manager.upload_file(picture, "staging")
        assert manager.promote_file(str(uploaded.file_key), f"{unique_prefix}{name}")
    assert [f"{unique_prefix}a", f"{unique_prefix}b"] == [item["key"] for item in manager.list_objects(unique_prefix, 2)]
    assert (3, []) == (len(manager.list_objects(unique_prefix)), manager.list_objects(unique_prefix, 0))


def test_bytes_are_returned_up_to_a_limit(manager: R2AssetManager, picture: Path) -> None:
    """An asset of exactly the limit is returned whole, a larger one not at all, and the error shows why."""
    key = str(manager.upload_file(picture).file_key)
    size = len(PICTURE)
    assert PICTURE == manager.get_object_bytes(key, size) == manager.get_object_bytes(key, 10 * size)
    for limit in (size - 1, 0):
        with pytest.raises(ValueError, match=rf"{key}.*has {size} bytes, more than max_bytes \({limit}\)"):
            manager.get_object_bytes(key, limit)


def test_reading_bytes_raises_what_went_wrong(server: S3Server, log: pytest.LogCaptureFixture) -> None:
    """Bytes that cannot be inspected are never taken for an asset without bytes, and the caller logs the error."""
    settings = settings_of(server)
    wrong: list[tuple[dict[str, Any], str, int, type[Exception]]] = [
        ({}, "missing", 9, FileNotFoundError),
        ({}, "/bad", 9, InvalidKeyError),
        ({}, "missing", -1, InvalidOptionError),
        ({"R2_BUCKET_NAME": "no-such-bucket"}, "k", 9, StoreNotFoundError),
        ({"R2_SECRET_KEY": CANARY}, "k", 9, CredentialsError),
        ({"R2_ENABLED": False}, "k", 9, ConfigError),
    ]
    for changed, key, limit, error in wrong:
        manager = R2AssetManager(settings | changed)
        with pytest.raises(error):
            manager.get_object_bytes(key, limit)
        assert 1 == manager.get_stats()["reads"]["errors"]
    assert [] == log.records


def test_an_empty_file_goes_there_and_back(manager: R2AssetManager, tmp_path: Path) -> None:
    """An empty file is a file like any other."""
    (tmp_path / "empty").touch()
    result = manager.upload_file(tmp_path / "empty")
    key = str(result.file_key)
    assert (True, 0, "other") == (result.success, result.file_size, key.partition("/")[0])
    assert (b"", b"") == (manager.get_object_bytes(key, 0), manager.get_object_bytes(key, 9))


def test_promotion_moves_and_can_be_told_not_to_overwrite(
    manager: R2AssetManager, tmp_path: Path, unique_prefix: str
) -> None:
    """The original is gone after the copy; a refused promotion changes nothing."""
    keys = []
    for name in ("first.txt", "second.txt"):
        (tmp_path / name).write_text(name)
        keys.append(str(manager.upload_file(tmp_path / name, "staging").file_key))
    final = f"{unique_prefix}final.txt"
    assert manager.promote_file(keys[0], final)
    assert (b"first.txt", False) == (manager.get_object_bytes(final, 100), manager.object_exists(keys[0]))
    assert not manager.promote_file(keys[1], final, overwrite=False)
    assert (b"first.txt", True) == (manager.get_object_bytes(final, 100), manager.object_exists(keys[1]))
    assert manager.promote_file(keys[1], final, overwrite=True)
    assert b"second.txt" == manager.get_object_bytes(final, 100)
    info = manager.get_object_info(final)
    assert info is not None
    assert "text/plain" == info["content_type"]
    assert not manager.promote_file(keys[1], final, overwrite=True)
    assert manager.promote_file(keys[1], final)
    kept = str(manager.upload_file(tmp_path / "first.txt", "staging").file_key)
    assert (True, False) == (manager.promote_file(kept, final), manager.object_exists(kept))
    assert b"second.txt" == manager.get_object_bytes(final, 100)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a.png", "images"), ("a.mp4", "videos"), ("a.ogg", "audio"), ("a.pdf", "documents"), ("a.bin", "other")],
)
def test_keys_are_organised_by_type(name: str, folder: str) -> None:
    """Without a type the suffix decides; no settings are needed."""
    manager = R2AssetManager({})
    assert re.fullmatch(rf"{folder}/{NEW_KEY}{re.escape(name)}", manager.generate_file_key(name))
    assert re.fullmatch(rf"screens/{NEW_KEY}{re.escape(name)}", manager.generate_file_key(name, "screens/"))


@given(name=st.text(max_size=300))
def test_any_file_name_makes_a_valid_key(name: str) -> None:
    """Whatever a browser calls a file, its key is valid and in its folder."""
    key = R2AssetManager({}).generate_file_key(name, "images")
    assert (True, "images", 1) == (is_valid_key(key), key.partition("/")[0], key.count("/"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"R2_ENABLED": False}, "R2_ENABLED is not true"),
        ({"R2_ENABLED": True, "R2_ACCOUNT_ID": "a"}, "R2_ACCESS_KEY, R2_SECRET_KEY, R2_BUCKET_NAME"),
        ({"R2_ENABLED": "ture"}, "must be true or false"),
    ],
)
def test_nothing_raises_without_configuration(
    settings: dict[str, object], reason: str, picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Each call fails in its own way, logs the reason once, and is counted."""
    manager = R2AssetManager(settings)
    assert not manager.is_r2_configured()
    calls = every_call(manager, picture, tmp_path / "copy.jpg")
    calls |= {name: (call, None) for name, call in every_signing(manager).items()}
    for call, wanted in calls.values():
        log.clear()
        assert assert_fails(call, wanted) in (None, NOT_CONFIGURED)
        assert (["ERROR"], True) == ([record.levelname for record in log.records], reason in log.text)
    errors = {group: values["errors"] for group, values in manager.get_stats().items() if values["errors"]}
    once = ("uploads", "downloads", "exists", "lists", "deletes", "moves")
    assert {**dict.fromkeys(once, 1), "stats": 2, "presigns": 4} == errors
    assert not (tmp_path / "copy.jpg").exists()


def test_a_dead_endpoint_raises_nothing(picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    """Each call that needs the network returns its failure and logs it once; signing needs none."""
    with kept_port() as port:
        manager = R2AssetManager(settings_for_port(port))
        calls = every_call(manager, picture, tmp_path / "copy.jpg")
        with ThreadPoolExecutor(len(calls)) as pool:  # at a time, for each waits between its attempts
            errors = list(pool.map(lambda call: assert_fails(*call), calls.values()))
    assert [
        "Upload failed: the endpoint cannot be reached; check the network, the account id and endpoint_url",
        "Download failed: the endpoint cannot be reached; check the network, the account id and endpoint_url",
    ] == errors[:2]
    assert len(calls) * ["ERROR"] == [record.levelname for record in log.records]
    assert all(str(call()).startswith("http://127.0.0.1:") for call in every_signing(manager).values())
    assert not (tmp_path / "copy.jpg").exists()


def test_a_server_that_hangs_up_raises_nothing(picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    """A connection that breaks is a failure like any other, logged once."""
    with Busy(("127.0.0.1", 0), HangingUp) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        manager = R2AssetManager(settings_for_port(listener.server_address[1]))
        calls = every_call(manager, picture, tmp_path / "copy.jpg")
        with ThreadPoolExecutor(len(calls)) as pool:
            errors = list(pool.map(lambda call: assert_fails(*call), calls.values()))
        listener.shutdown()
    assert "Download failed: the connection to the store broke" in str(errors[1])
    assert len(calls) * ["ERROR"] == [record.levelname for record in log.records]


def test_a_wrong_secret_raises_nothing_and_is_shown_nowhere(
    server: S3Server, picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Each call returns its failure and logs it once, without the secret."""
    manager = R2AssetManager({**settings_of(server), "R2_SECRET_KEY": CANARY})
    errors = []
    for call, wanted in every_call(manager, picture, tmp_path / "copy.jpg").values():
        log.clear()
        errors.append(str(assert_fails(call, wanted)))
        assert ["ERROR"] == [record.levelname for record in log.records]
        assert CANARY not in log.text
    assert errors[0].startswith("Upload failed: SignatureDoesNotMatch: ")
    assert errors[1].startswith("Download failed: ")
    assert CANARY not in f"{errors} {manager!r}"


def test_a_missing_bucket_raises_nothing(
    server: S3Server, picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """An upload names the store's own code, as the older class did."""
    manager = R2AssetManager({**settings_of(server), "R2_BUCKET_NAME": "no-such-bucket"})
    calls = every_call(manager, picture, tmp_path / "copy.jpg")
    errors = {name: assert_fails(*call) for name, call in calls.items()}
    assert str(errors["upload"]).startswith("Upload failed: NoSuchBucket: ")
    assert str(errors["download"]).startswith("Download failed: NoSuchBucket: ")
    assert ["ERROR"] * 8 == [record.levelname for record in log.records]
    assert not (tmp_path / "copy.jpg").exists()


def test_a_failed_listing_is_told_from_an_empty_one(
    server: S3Server, unique_prefix: str, log: pytest.LogCaptureFixture
) -> None:
    """Both are an empty list; only a failure is logged as an error."""
    assert [] == R2AssetManager(settings_of(server)).list_objects(unique_prefix)
    assert [("INFO", f"Listed 0 assets under {unique_prefix!r}")] == [(r.levelname, r.getMessage()) for r in log.records]
    log.clear()
    assert [] == R2AssetManager({**settings_of(server), "R2_BUCKET_NAME": "no-such-bucket"}).list_objects(unique_prefix)
    assert [("ERROR", True)] == [(r.levelname, "NoSuchBucket" in r.getMessage()) for r in log.records]


def test_mistakes_of_the_caller_raise_nothing(
    seaweedfs: S3Server, picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Missing files, bad keys, limits out of range and wrong types are failures like any other."""
    manager = R2AssetManager(settings_of(seaweedfs))
    none: Any = None
    calls: list[tuple[Callable[[], object], object]] = [
        (lambda: manager.upload_file(tmp_path / "missing.jpg", "images"), ...),
        (lambda: manager.upload_file(tmp_path, "images"), ...),
        (lambda: manager.upload_file(picture, "../images"), ...),
        (lambda: manager.upload_file(none), ...),
        (lambda: manager.upload_file(b"keep.jpg"), ...),  # type: ignore[arg-type]  # the mistake
        (lambda: manager.download_file("missing", tmp_path / "copy"), ...),
        (lambda: manager.download_file("/bad", tmp_path / "copy"), ...),
        (lambda: manager.download_file("missing", tmp_path), ...),
        (lambda: manager.download_file(none, none), ...),
        (lambda: manager.get_presigned_url("k", expiration=0), None),
        (lambda: manager.generate_presigned_upload_url("k", "é\n"), None),
        (lambda: manager.generate_presigned_upload_url("k", none), None),
        (lambda: manager.generate_presigned_url("k", method="POST"), None),
        (lambda: manager.generate_presigned_url("k", method=none), None),
        (lambda: manager.get_object_info("a/../b"), None),
        (lambda: manager.object_exists(""), False),
        (lambda: manager.list_objects("/"), []),
        (lambda: manager.list_objects(max_keys=-1), []),
        (lambda: manager.delete_file("\0"), False),
        (lambda: manager.get_object_hash("k\0"), None),
        (lambda: manager.promote_file("missing", "k"), False),
        (lambda: manager.promote_file("k", "."), False),
    ]
    for call, wanted in calls:
        log.clear()
        assert_fails(call, wanted)
        assert 1 == len(log.records)
        assert log.records[0].levelname in ("ERROR", "WARNING")
    assert not (tmp_path / "copy").exists()


def test_settings_that_change_between_two_calls_are_seen(
    seaweedfs: S3Server, picture: Path, settings_module: Callable[[dict[str, Any]], None]
) -> None:
    """The next call goes to the other bucket; what was counted stays counted."""
    settings_module(settings_of(seaweedfs))
    manager = R2AssetManager()
    first = str(manager.upload_file(picture).file_key)
    module: Any = sys.modules["settings"]
    module.R2_BUCKET_NAME = seaweedfs.other_bucket
    second = str(manager.upload_file(picture).file_key)
    assert (False, True) == (manager.object_exists(first), manager.object_exists(second))
    module.R2_ENABLED = False
    assert (False, NOT_CONFIGURED) == (manager.is_r2_configured(), manager.upload_file(picture).error)
    module.R2_ENABLED, module.R2_BUCKET_NAME = "yes", seaweedfs.bucket
    assert (True, True) == (manager.is_r2_configured(), manager.object_exists(first))
    uploads = manager.get_stats()["uploads"]
    assert (2, 1, 2 * len(PICTURE)) == (uploads["count"], uploads["errors"], uploads["bytes"])


def test_threads_share_one_manager(manager: R2AssetManager, tmp_path: Path, unique_prefix: str) -> None:
    """Sixteen threads upload, read back and delete at a time, and every one is counted."""

    def work(index: int) -> bool:
        path = tmp_path / f"{index}.txt"
        path.write_text(str(index))
        key = str(manager.upload_file(path, unique_prefix).file_key)
        copied = manager.download_file(key, tmp_path / "out" / f"{index}.txt")
        same = str(index).encode() == manager.get_object_bytes(key, 10) == Path(str(copied.local_path)).read_bytes()
        return same and manager.delete_file(key)

    with ThreadPoolExecutor(16) as pool:
        assert [True] * 64 == list(pool.map(work, range(64)))
    counts = {group: values["count"] for group, values in manager.get_stats().items() if values["count"]}
    assert {"uploads": 64, "downloads": 64, "reads": 64, "deletes": 64, "presigns": 64} == counts
    assert [] == manager.list_objects(unique_prefix)


def test_logs_hold_neither_secrets_nor_signed_urls(
    manager: R2AssetManager, server: S3Server, picture: Path, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    """Every action is logged, and nothing that would let a reader of the log repeat it."""
    result = manager.upload_file(picture, "images")
    manager.get_link(str(result.file_key))
    manager.download_file(str(result.file_key), tmp_path / "copy.jpg")
    manager.promote_file(str(result.file_key), "promoted.jpg")
    manager.delete_file("promoted.jpg")
    assert ["Uploaded", "Signed", "Downloaded", "Promoted", "Deleted"] == [r.getMessage().split()[0] for r in log.records]
    assert [] == [word for word in (server.secret_key, "Signature", "X-Amz") if word in log.text + repr(vars(manager))]


def test_a_pending_upload_is_logged_and_no_more(picture: Path, log: pytest.LogCaptureFixture) -> None:
    """The call returns nothing that looks like a success."""
    R2AssetManager({}).add_pending_upload(str(picture), "images")
    assert [("WARNING", True)] == [(r.levelname, "nothing is uploaded" in r.getMessage()) for r in log.records]
