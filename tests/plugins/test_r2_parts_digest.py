"""Assets in parts whose SHA-256 nobody knew: their part size is stored, and a whole read is compared with the ETag."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests
from r2_stand_in import PART, backend_on

from assetstore import AssetInfo, AssetStore, IntegrityError
from assetstore.plugin import CopyOptions, Verifier
from assetstore_r2.copy import copy
from assetstore_r2.headers import PART_SIZE, SHA256, digest_from, head_of
from assetstore_r2.testing import FaultProxy, FlipBit

BIG = random.Random(10).randbytes(2 * PART + 11)


def etag_of(data: bytes, size: int) -> str:
    """Return the ETag of parts of this size."""
    parts = [hashlib.md5(data[start : start + size]).digest() for start in range(0, max(1, len(data)), size)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


@pytest.fixture(params=["seaweedfs", "emulator"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each of the two servers."""
    return request.getfixturevalue(request.param)


def chunks(store: AssetStore, key: str, _: Path) -> None:
    """Read a stream to its end, in pieces."""
    with store.open(key) as reader:
        for _ in reader.chunks(100_000):
            pass


def batch(store: AssetStore, key: str, folder: Path) -> None:
    """Download by the call for many."""
    for result in store.download_many([key], folder):
        result.result()


READS: list[Callable[[AssetStore, str, Path], Any]] = [
    lambda store, key, _: store.read(key),
    chunks,
    lambda store, key, folder: store.download(key, folder / "a"),
    batch,
]


@pytest.mark.parametrize("engine", ["wire", "boto3"])
def test_a_flipped_bit_of_what_came_from_a_pipe_is_found(
    server: Any, unique_prefix: str, tmp_path: Path, engine: str
) -> None:
    """Of 28 reads, by each way, with one bit wrong anywhere, each is IntegrityError, and no file appears."""
    with FaultProxy(server.endpoint_url) as proxy, AssetStore(backend_on(server, proxy.url, engine=engine)) as store:
        info = store.upload(iter([BIG]), key := f"{unique_prefix}a")
        assert f"md5-parts/{PART}:{etag_of(BIG, PART)}" == info.digest == store.stat(key).digest
        for seed in range(28):
            bit = random.Random(seed).randrange(8 * len(BIG))
            proxy.inject(FlipBit(method="GET", bit=bit))
            with pytest.raises(IntegrityError, match="md5"):
                READS[seed % len(READS)](store, key, tmp_path)
        store.download(key, tmp_path / "a")
    assert [(tmp_path / "a", BIG)] == [(path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()]


def test_a_flipped_bit_of_what_was_sent_in_parts_is_found(server: Any, unique_prefix: str) -> None:
    """A direct upload in parts stores their size too; its copy under the final key tells a digest."""
    with FaultProxy(server.endpoint_url) as proxy, AssetStore(backend_on(server, proxy.url)) as store:
        upload = store.begin_upload(key=f"{unique_prefix}a", size=len(BIG), part_size=PART)
        etags = {}
        for number, request in store.presign_parts(upload.token, [1, 2, 3]).items():
            piece = BIG[(number - 1) * PART : number * PART]
            sent = requests.put(request.url, piece, headers=dict(request.headers), timeout=600)
            etags[number] = sent.headers["etag"]
        info = store.finish_upload(upload.token, parts=etags)
        assert (info.digest, True) == (store.stat(info.key).digest, _fits(info, BIG))
        proxy.inject(FlipBit(method="GET"))
        with pytest.raises(IntegrityError):
            store.read(info.key)
        assert BIG == store.read(info.key)


def test_copies_and_updates_keep_a_digest_that_is_true(server: Any, unique_prefix: str) -> None:
    """The ETag stays that of the parts, or becomes a plain one: the digest follows it."""
    with AssetStore(backend_on(server)) as store:
        store.upload(iter([BIG]), key := f"{unique_prefix}a")
        infos = [
            store.copy(key, f"{key}2"),
            store.update(key, metadata={"by": "gm"}),
            store.copy(key, f"{key}3", if_match=store.stat(key).etag),
            store.update(f"{key}3", content_type="image/png"),
        ]
        for info in infos:
            assert (info.key, True) == (info.key, _fits(info, BIG))
        for name in (key, f"{key}2", f"{key}3"):
            assert (name, True, True) == (name, store.read(name) == BIG, _fits(store.stat(name), BIG))


def test_a_copy_in_parts_has_no_digest(server: Any, unique_prefix: str) -> None:
    """The ETag of copied parts is not made of their MD5s on every service, so nothing is compared with it."""
    backend = backend_on(server)
    with AssetStore(backend) as store:
        store.upload(iter([BIG]), key := f"{unique_prefix}a")
        bucket = attrs.evolve(backend._opened.get(), copy_limit=PART)
        with bucket.deadline():
            copied = copy(bucket, key, f"{key}2", CopyOptions())
        assert (None, None) == (copied.digest, store.stat(f"{key}2").digest)
        assert BIG == store.read(f"{key}2")


def _fits(info: AssetInfo, data: bytes) -> bool:
    verifier = Verifier(info.digest)
    verifier.update(data)
    verifier.verify()
    return verifier.knows


PLAIN, PARTS = "0" * 32, f"{'0' * 32}-3"


@pytest.mark.parametrize(
    ("etag", "part_size", "size", "more", "expected"),
    [
        (PARTS, "10", 30, {}, f"md5-parts/10:{PARTS}"),
        (PARTS, "10", 21, {}, f"md5-parts/10:{PARTS}"),
        (PARTS, "10", 31, {}, None),
        (PARTS, "10", 20, {}, None),
        (PARTS, None, 30, {}, None),
        (PARTS, "0", 30, {}, None),
        (PARTS, "-10", 30, {}, None),
        (PARTS, "1" * 5000, 30, {}, None),
        (f"{PLAIN}-1", "10", 0, {}, f"md5-parts/10:{PLAIN}-1"),
        (f"{PLAIN}-0", "10", 0, {}, None),
        (f"{PLAIN}-{'9' * 5000}", "10", 0, {}, None),
        (PLAIN, "10", 30, {}, f"md5:{PLAIN}"),
        ("opaque", "10", 30, {}, None),
        (None, "10", 30, {}, None),
        (PARTS, "10", 30, {"ServerSideEncryption": "aws:kms"}, None),
        (PLAIN, "10", 30, {"SSECustomerAlgorithm": "AES256"}, None),
    ],
)
def test_a_digest_is_told_where_etag_size_and_part_size_agree(
    etag: str | None, part_size: str | None, size: int, more: dict[str, str], expected: str | None
) -> None:
    """An ETag of other parts, as after a copy by other programs, of encrypted bytes or of no known form tells nothing."""
    metadata = {} if part_size is None else {PART_SIZE: part_size}
    answer = more if etag is None else {"ETag": f'"{etag}"', **more}
    assert expected == digest_from(metadata, answer, size)
    assert f"sha256:{'1' * 64}" == digest_from({**metadata, SHA256: "1" * 64}, answer, size)


def test_what_was_read_is_copied_with_its_part_size() -> None:
    """An info that a caller read gives the head that it came from, the part size in its metadata included."""
    info = AssetInfo(key="a", size=30, etag=PARTS, digest=f"md5-parts/10:{PARTS}", metadata={})
    head = head_of(info)
    assert {PART_SIZE: "10"} == head["Metadata"]
    assert info.digest == digest_from(head["Metadata"], head, head["ContentLength"])
