"""Figure 5: 1,000 single bits flip, half of them on the way and half in what a store keeps; each has to be detected.

Detected means that nothing wrong came of it: the call raised an error, or went on to the right bytes. An assetstore that
raises has to raise IntegrityError. The files of a folder keep their times when a bit flips, as a failing disk would: a file
whose time changes was edited, which assetstore allows.
"""

from __future__ import annotations

import random
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import servers
from assetstore import AssetStore, AssetStoreError, IntegrityError, PresignedRequest
from assetstore_local import LocalBackend
from assetstore_local.disk.records import names_of
from assetstore_r2.testing import Fault, FaultProxy, FlipBit
from score import flipped_peers
from score.figure import Outcome, Run
from score.flips import BIG, NOT_STRUCK, REST, SMALL, WAY, Case, Flip, Rotten, rotten
from score.network_cases import PART, failing, store_at


def measure(run: Run) -> Outcome:
    """Flip the bits of each case."""
    with ExitStack() as stack:
        made = ours if run.subject.name == "assetstore" else flipped_peers.cases
        return counted(stack.enter_context(made(run)), run)


def counted(cases: Sequence[Case], run: Run) -> Outcome:
    """Run the cases, a tenth of them in the short form; count what was detected."""
    halves = {WAY: [0, 0], REST: [0, 0]}
    notes: dict[str, list[str]] = {}
    for case in cases:
        chance = random.Random(f"{run.seed} {case.where} {case.name}")
        wrong = [case.flip(chance) for _ in range(case.count // (10 if run.short else 1))]
        missed = [each for each in wrong if each is not None]
        halves[case.where][0] += len(wrong) - len(missed)
        halves[case.where][1] += len(wrong)
        for each in sorted(set(missed)):
            text = f"{case.name} {missed.count(each)} of {len(wrong)}"
            notes.setdefault(f"{case.where}, {each}", []).append(text)
    detected, total = (sum(counts[place] for counts in halves.values()) for place in (0, 1))
    parts = "; ".join(f"{where} {found:,} of {count:,}" for where, (found, count) in halves.items())
    return Outcome(
        value=f"{detected:,} of {total:,} ({parts})",
        passed=detected == total,
        notes=tuple(f"{title}: {'; '.join(found)}" for title, found in notes.items()),
    )


@contextmanager
def ours(run: Run) -> Iterator[list[Case]]:
    """Give the cases of assetstore: R2's plugin behind a proxy, and a folder."""
    for name in ("server", "down", "root"):
        (run.folder / name).mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(servers.emulator(run.folder / "server"))
        proxy = stack.enter_context(FaultProxy(server.endpoint_url, seed=run.seed))
        bucket = stack.enter_context(store_at(server, proxy.url))
        folder = stack.enter_context(AssetStore(LocalBackend(root=run.folder / "root")))
        keys = stored(bucket, server, run.folder)
        down = downwards(bucket, proxy, keys, run.folder / "down")
        yield [*down, *upwards(bucket, proxy, run.folder), *files(folder, run)]


def stored(bucket: AssetStore, server: servers.S3Server, folder: Path) -> dict[str, bytes]:
    """Store an asset in each way that there is; return their bytes by key."""
    (folder / "file").write_bytes(BIG)
    with server.client() as client:
        client.put_object(Bucket=server.bucket, Key="one PUT of another client", Body=SMALL)
    bucket.upload(SMALL, "one PUT")
    bucket.upload(folder / "file", "parts from a file")
    bucket.upload(iter([BIG[:1000], BIG[1000:]]), "parts from a pipe")
    send_directly(bucket, "direct upload", SMALL, None)
    send_directly(bucket, "direct upload in parts", BIG, PART)
    return {item.key: BIG if "parts" in item.key else SMALL for item in bucket.list()}


def send_directly(store: AssetStore, key: str, data: bytes, part_size: int | None) -> None:
    """Upload as a browser does."""
    upload = store.begin_upload(key=key, size=len(data), part_size=part_size)
    if part_size is None:
        assert upload.request
        sent(upload.request, data)
        store.finish_upload(upload.token)
        return
    etags = {}
    for number, request in store.presign_parts(upload.token, range(1, -(-len(data) // part_size) + 1)).items():
        etags[number] = sent(request, data[(number - 1) * part_size : number * part_size])
    store.finish_upload(upload.token, parts=etags)


def sent(request: PresignedRequest, data: bytes) -> str:
    """Send a signed PUT; return the ETag."""
    made = urllib.request.Request(request.url, data, dict(request.headers), method=request.method)
    with urllib.request.urlopen(made, timeout=600) as answer:
        etag: str = answer.headers["ETag"]
        return etag


def judged(call: Callable[[], Any], right: Any) -> str | None:
    """Return what is wrong with what a call returned or raised, or ``None``."""
    try:
        found = call()
    except IntegrityError:
        return None
    except AssetStoreError as error:
        return type(error).__name__
    return None if found == right else "wrong bytes"


DOWN = {
    "one PUT": (120, 80, 90),
    "one PUT of another client": (75, 0, 50),
    "direct upload": (45, 0, 20),
    "parts from a file": (25, 25, 20),
    "parts from a pipe": (30, 30, 20),
    "direct upload in parts": (20, 0, 10),
}
"""For each asset: how many bits flip on the way to a read and to a download, and in what the store keeps of it."""


def downwards(bucket: AssetStore, proxy: FaultProxy, keys: Mapping[str, bytes], folder: Path) -> Iterator[Case]:
    """Yield the cases of bits that flip on the way down, or in the store."""

    def flip(key: str, download: bool, fault: Callable[[random.Random], Fault]) -> Flip:
        def once(chance: random.Random) -> str | None:
            path = folder / "file" if download else None
            with failing(proxy, fault(chance)) as requests:
                wrong = judged(lambda: fetched(bucket, key, path), keys[key])
            return wrong if any(request.fault for request in requests) else NOT_STRUCK

        return once

    for key, (reads, downloads, kept) in DOWN.items():
        bits = 8 * len(keys[key])

        def passing(chance: random.Random) -> Fault:
            return FlipBit(method="GET", bit=chance.randrange(8 * PART))

        def lasting(chance: random.Random, bits: int = bits) -> Fault:
            return Rotten(bit=chance.randrange(bits))

        yield Case(where=WAY, name=f"a read, {key}", count=reads, flip=flip(key, False, passing))
        yield Case(where=WAY, name=f"a download, {key}", count=downloads, flip=flip(key, True, passing))
        yield Case(where=REST, name=f"the service, {key}", count=kept, flip=flip(key, False, lasting))


def fetched(store: AssetStore, key: str, path: Path | None) -> bytes:
    """Read an asset, or download it to a path."""
    if path is None:
        return store.read(key)
    path.unlink(missing_ok=True)
    store.download(key, path)
    return path.read_bytes()


def upwards(bucket: AssetStore, proxy: FaultProxy, folder: Path) -> Iterator[Case]:
    """Yield the cases of bits that flip on the way up: what is stored then has to be what was sent, or nothing."""

    def flip(source: Callable[[], Any], data: bytes, target: str) -> Flip:
        def once(chance: random.Random) -> str | None:
            fault = FlipBit(method="PUT", target=target, direction="request", bit=chance.randrange(8 * PART))

            with failing(proxy, fault) as requests:
                wrong = judged(lambda: bucket.upload(source(), "up").size, len(data))
            wrong = wrong or judged(lambda: bucket.read("up") if bucket.exists("up") else data, data)
            return wrong if any(request.fault for request in requests) else NOT_STRUCK

        return once

    yield Case(where=WAY, name="an upload, one PUT", count=30, flip=flip(lambda: SMALL, SMALL, "up"))
    yield Case(where=WAY, name="an upload, parts from a file", count=10, flip=flip(lambda: folder / "file", BIG, "Number=1"))
    yield Case(where=WAY, name="an upload, parts from a pipe", count=10, flip=flip(lambda: iter([BIG]), BIG, "Number=2"))


def files(store: AssetStore, run: Run) -> Iterator[Case]:
    """Yield the cases of bits that flip in a folder: in the files of assets, and in their records."""
    root = run.folder / "root"
    store.upload(SMALL, "bytes", metadata={"title": "The Keep"})
    store.upload(iter([SMALL[:10], SMALL[10:]]), "pipe")
    records = {key: root.joinpath(*names_of(key)) for key in ("bytes", "pipe")}

    def flip(path: Path, key: str, look: Callable[[str], Any]) -> Flip:
        right = look(key)

        def once(chance: random.Random) -> str | None:
            with rotten(path, chance):
                return judged(lambda: look(key), right)

        return once

    for key, count in (("bytes", 120), ("pipe", 60)):
        yield Case(where=REST, name=f"a file of the folder, {key}", count=count, flip=flip(root / key, key, store.read))
    for key, count in (("bytes", 60), ("pipe", 50)):
        yield Case(where=REST, name=f"a record of the folder, {key}", count=count, flip=flip(records[key], key, store.stat))
