"""Wrappers, a naming scheme and an observer, installed as distributions of their own, keep what they promise."""

from __future__ import annotations

import base64
import functools
import itertools
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import (
    AssetStore,
    AssetStoreError,
    ConfigError,
    CredentialsError,
    IntegrityError,
    InvalidOptionError,
    UnsupportedError,
    open_store,
)
from assetstore.testing import FaultyBackend, MemoryBackend

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Open: TypeAlias = Callable[..., AssetStore]

NAMES = ("audit", "cache", "encryption", "policy", "slugs")
SECRET, OTHER = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
PLAIN = 1 << 16
EXTRA = 60
DATA = b"".join(b"%015d\n" % number for number in range(10_000))


@pytest.fixture(scope="module", autouse=True)
def _installed(site: Path) -> Iterator[None]:
    """Have the distributions installed in this process, and nobody's other copy of them loaded."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith(tuple(f"assetstore_{known}" for known in NAMES))]:
            patch.delitem(sys.modules, name)
        patch.syspath_prepend(str(site))
        yield


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a store from the lines of its table and its plugins' tables."""
    stores = []

    def opened(text: str, **tables: str) -> AssetStore:
        lines = [f"[stores.test]\n{text}", *(f"[stores.test.{name}]\n{table}" for name, table in tables.items())]
        path = tmp_path / f"{len(stores)}.toml"
        path.write_text("\n".join(lines))
        stores.append(open_store("test", config=path))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


def load(name: str) -> Any:
    """Return the factory that a distribution brings."""
    from assetstore.plugins import load_factory

    return load_factory(name)


def stacked(name: str, **settings: Any) -> tuple[AssetStore, FaultyBackend]:
    """Return a store with one wrapper over a memory, and the memory, which notes what it is asked."""
    backend = FaultyBackend(MemoryBackend())
    return AssetStore(backend, wrappers=[lambda inner: load(name)(inner=inner, **settings)]), backend


def test_all_of_them_work_together_from_config(run: Run, tmp_path: Path) -> None:
    """The command line finds them by name and stores, lists and brings back an asset through all of them."""
    (tmp_path / "assetstore.toml").write_text("""
default = "all"

[stores.all]
url      = "file:assets"
wrappers = ["policy", "encryption", "cache"]
plugins  = ["audit"]
naming   = { plugin = "slugs", folder = "table-4" }

[stores.all.policy]
allowed_types = ["image/*"]

[stores.all.encryption]
secret = "${ASSETS_SECRET}"

[stores.all.cache]
folder = "cache"

[stores.all.audit]
path = "audit.jsonl"
""")
    (tmp_path / "Old Keep.PNG").write_bytes(b"\x89PNG\r\n\x1a\n" + DATA)
    commands = ("upload", "Old Keep.PNG"), ("download", "table-4/images/old-keep.png", "-o", "back.png"), ("list", "-r")
    for command in commands:
        done = run("-m", "assetstore", *command, ASSETS_SECRET=SECRET)
        assert (0, command) == (done.returncode, command), done.stderr
    assert "table-4/images/old-keep.png" in done.stdout
    assert (tmp_path / "Old Keep.PNG").read_bytes() == (tmp_path / "back.png").read_bytes()
    plugins = run("-m", "assetstore", "plugins").stdout
    assert [] == [name for name in NAMES if f"assetstore-{name}" not in plugins]
    assert ["upload"] == [json.loads(line)["op"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    written = [path for folder in ("assets", "cache") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert [] == [path for path in written if DATA[:100] in path.read_bytes()]


def test_this_process_has_the_installed_ones(site: Path, opened: Open) -> None:
    """What the following tests show is shown of the distributions as they were installed."""
    opened('url = "memory:"\nwrappers = ["encryption"]', encryption=f'secret = "{SECRET}"')
    assert Path(sys.modules["assetstore_encryption"].__file__ or "").is_relative_to(site)


def test_sizes_and_listings_are_those_of_the_plain_bytes(opened: Open) -> None:
    """Upload, stat, listing and reader tell the plain size, around every border of a record; there is no digest."""
    store = opened('url = "memory:"\nwrappers = ["encryption"]', encryption=f'secret = "{SECRET}"')
    for size in (0, 1, PLAIN - 1, PLAIN, PLAIN + 1, 2 * PLAIN, 2 * PLAIN + 1):
        data = DATA[:size]
        infos = [store.upload(data, "a"), store.stat("a"), *store.list(), store.open("a").info]
        assert [(len(data), None)] * 4 == [(info.size, info.digest) for info in infos]
        assert data == store.read("a")


@functools.cache
def memory_of(size: int) -> tuple[AssetStore, FaultyBackend, bytes, bytes]:
    """Return a store that encrypts, its memory, and what that stores of an asset of this size and of another version."""
    store, backend = stacked("encryption", secret=SECRET)
    bare = AssetStore(backend)
    stored = []
    for data in (DATA[:size], DATA[:size][::-1]):
        store.upload(data, "a")
        stored.append(bare.read("a"))
    return store, backend, stored[0], stored[1]


@given(offset=st.integers(0, len(DATA) + PLAIN), length=st.none() | st.integers(0, len(DATA) + PLAIN))
def test_every_run_is_what_a_slice_would_be(offset: int, length: int | None) -> None:
    """Any offset and length give the bytes that slicing gives, and only the records that they touch are fetched."""
    store, backend, stored, _ = memory_of(len(DATA))
    AssetStore(backend).upload(stored, "a")
    backend.calls.clear()
    expected = DATA[offset:] if length is None else DATA[offset : offset + length]
    assert expected == store.read("a", offset=offset, length=length)
    if length:
        options = next(arguments["options"] for op, arguments in backend.calls if op == "read")
        assert options.offset == offset // PLAIN * (PLAIN + EXTRA)
        assert options.length <= (length // PLAIN + 2) * (PLAIN + EXTRA)


def records_of(data: bytes) -> list[bytes]:
    """Split what is stored into its records."""
    return [data[start : start + PLAIN + EXTRA] for start in range(0, len(data), PLAIN + EXTRA)]


SIZES = (0, 1, 100, PLAIN, PLAIN + 1, 2 * PLAIN, len(DATA))


@given(
    size=st.sampled_from(SIZES),
    border=st.integers(0, 3),
    place=st.integers(-70, 70) | st.integers(0, PLAIN),
    bit=st.integers(0, 7),
)
def test_no_flipped_bit_goes_unnoticed(size: int, border: int, place: int, bit: int) -> None:
    """A read raises instead of giving other bytes, wherever the bit stands."""
    store, backend, stored, _ = memory_of(size)
    damaged = bytearray(stored)
    damaged[(border * (PLAIN + EXTRA) + place) % len(stored)] ^= 1 << bit
    AssetStore(backend).upload(bytes(damaged), "a")
    with pytest.raises((IntegrityError, CredentialsError)):
        store.read("a")


@pytest.mark.parametrize("size", SIZES)
def test_no_record_is_moved_or_comes_from_another_version(size: int) -> None:
    """Records in another order, twice, left out, or with one from an older version of the asset are refused."""
    store, backend, stored, older = memory_of(size)
    records, count = records_of(stored), len(records_of(stored))
    rows = {row for length in range(count + 2) for row in itertools.product(range(count), repeat=length)} - {
        (*range(count),)
    }
    damaged = [b"".join(records[number] for number in row) for row in rows]
    damaged += [
        b"".join([*records[:number], records_of(older)[number], *records[number + 1 :]])
        for number in range(count)
        if count > 1
    ]
    for data in damaged:
        AssetStore(backend).upload(data, "a")
        with pytest.raises(IntegrityError):
            store.read("a")


@given(size=st.sampled_from(SIZES), border=st.integers(0, 3), place=st.integers(-70, 70) | st.integers(0, PLAIN))
def test_a_cut_is_noticed_behind_its_end_too(size: int, border: int, place: int) -> None:
    """A read of an asset that was cut off anywhere raises, also a run that would begin behind its new end."""
    store, backend, stored, _ = memory_of(size)
    AssetStore(backend).upload(stored[: (border * (PLAIN + EXTRA) + place) % len(stored)], "a")
    for offset in (0, max(0, size - 1), size):
        with pytest.raises(IntegrityError):
            store.read("a", offset=offset)


def test_encrypted_bytes_belong_to_their_key() -> None:
    """What is moved behind the store's back cannot be read; what the store copies or moves itself can."""
    store, backend = stacked("encryption", secret=SECRET)
    store.upload(DATA, "a")
    AssetStore(backend).copy("a", "b")
    with pytest.raises(IntegrityError):
        store.read("b")
    store.move("a", "c")
    assert DATA == store.read("c")


def test_two_writes_of_one_asset_have_nothing_in_common() -> None:
    """The same bytes are encrypted differently each time, so that nobody sees that they are the same."""
    store, backend = stacked("encryption", secret=SECRET)
    store.upload(DATA, "a")
    first = AssetStore(backend).read("a")
    store.upload(DATA, "a")
    pairs = zip(records_of(first), records_of(AssetStore(backend).read("a")), strict=True)
    assert not any(one[EXTRA:-EXTRA] == two[EXTRA:-EXTRA] for one, two in pairs)


def test_a_secret_can_be_replaced(opened: Open) -> None:
    """Old secrets still read; a copy onto itself writes with the new one; without either the error says what is missing."""
    table = 'url = "file:assets"\nwrappers = ["encryption"]'
    opened(table, encryption=f'secret = "{OTHER}"').upload(DATA, "a")
    new = opened(table, encryption=f'secret = "{SECRET}"')
    with pytest.raises(CredentialsError, match="add it to old_secrets"):
        new.read("a")
    both = opened(table, encryption=f'secret = "{SECRET}"\nold_secrets = ["{OTHER}"]')
    assert DATA == both.read("a")
    both.copy("a", "a")
    assert DATA == new.read("a")


def test_what_was_not_encrypted_is_refused(opened: Open) -> None:
    """An asset that was stored without the wrapper is no plain text that slips in."""
    opened('url = "file:assets"').upload(DATA, "a")
    with pytest.raises(IntegrityError):
        opened('url = "file:assets"\nwrappers = ["encryption"]', encryption=f'secret = "{SECRET}"').read("a")


@pytest.mark.parametrize("secret", ["not base64!", base64.b64encode(b"too short for it").decode()])
def test_a_wrong_secret_is_refused_and_never_shown(opened: Open, secret: str) -> None:
    """The error says what is wrong and how to make a secret, and no message or repr holds one."""
    table = 'url = "memory:"\nwrappers = ["encryption"]'
    with pytest.raises(ConfigError, match="openssl rand -base64 32") as caught:
        opened(table, encryption=f'secret = "{secret}"')
    assert secret not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(load("encryption")(inner=None, secret=SECRET, old_secrets=(SECRET,)))


def test_what_was_read_once_comes_from_the_cache(tmp_path: Path) -> None:
    """A second read, whole or of a run, and a download ask the backend for the version alone."""
    store, backend = stacked("cache", folder=tmp_path / "cache")
    store.upload(DATA, "a", cache_control="no-store")
    assert DATA == store.read("a")
    backend.calls.clear()
    assert (DATA, DATA[5:]) == (store.read("a"), store.read("a", offset=5))
    assert DATA[70_000:70_010] == store.read("a", offset=70_000, length=10)
    assert DATA == store.read("a", if_match=store.stat("a").etag)
    store.download("a", tmp_path / "a")
    assert (DATA, {"stat"}) == ((tmp_path / "a").read_bytes(), {op for op, _ in backend.calls})
    assert "no-store" == store.open("a").info.cache_control


def test_a_cache_is_never_stale(tmp_path: Path) -> None:
    """What was replaced is read anew, what was deleted is gone, and another process's cache does not matter."""
    store, backend = stacked("cache", folder=tmp_path / "cache")
    behind = AssetStore(backend)
    for data in (b"one", b"two", b"one"):
        behind.upload(data, "a")
        assert (data, data) == (store.read("a"), store.read("a"))
    behind.delete("a")
    with pytest.raises(FileNotFoundError):
        store.read("a")


def test_only_whole_assets_are_kept(tmp_path: Path) -> None:
    """Runs, readers that were left early and assets that are too large leave no file."""
    store, _ = stacked("cache", folder=tmp_path / "cache", max_bytes=len(DATA) - 1)
    store.upload(DATA, "large")
    store.upload(DATA[:-1], "a")
    assert DATA == store.read("large")
    assert DATA[1:9] == store.read("a", offset=1, length=8)
    with store.open("a") as reader:
        reader.read(70_000)
    assert [] == [*(tmp_path / "cache").glob("*")]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:]])
def test_a_damaged_file_is_read_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A file in the cache that is not what was written is replaced, and its bytes are never given."""
    store, backend = stacked("cache", folder=tmp_path)
    store.upload(DATA, "a")
    store.read("a")
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    backend.calls.clear()
    assert DATA == store.read("a")
    assert (good, ["stat", "read"]) == (file.read_bytes(), [op for op, _ in backend.calls])


def test_a_cache_forgets_what_was_not_read_for_longest(tmp_path: Path) -> None:
    """The folder stays within its bound, and what is read keeps its place; files of others stay where they are."""
    store, backend = stacked("cache", folder=tmp_path, max_bytes=10_000)
    (tmp_path / "notes.txt").write_bytes(bytes(20_000))
    store.upload(bytes(2_000), "0")
    for number in range(1, 20):
        store.upload(bytes([number]) * 2_000, str(number))
        store.read(str(number))
        assert 10_000 >= sum(path.stat().st_size for path in tmp_path.glob("*.asset"))
        for age, path in enumerate(sorted(tmp_path.glob("*.asset"), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(path, (1_000 + age, 1_000 + age))
        store.read("0")
    assert 1 == [arguments["key"] for op, arguments in backend.calls if op == "read"].count("0")
    backend.calls.clear()
    assert (bytes(2_000), bytes([19]) * 2_000) == (store.read("0"), store.read("19"))
    assert ["stat", "stat"] == [op for op, _ in backend.calls]
    store.read("1")
    assert "read" == backend.calls[-1][0]
    assert (tmp_path / "notes.txt").exists()


def test_trouble_with_the_folder_costs_no_read(tmp_path: Path) -> None:
    """Where the folder cannot be made, everything is read from the backend."""
    (tmp_path / "file").write_bytes(b"in the way")
    store, _ = stacked("cache", folder=tmp_path / "file")
    store.upload(DATA, "a")
    assert (DATA, DATA) == (store.read("a"), store.read("a"))


def test_processes_share_a_cache(run: Run, opened: Open, tmp_path: Path) -> None:
    """Processes that read, replace and forget at once through one folder that is too small get the right bytes."""
    lines = 'url = "file:assets"\nwrappers = ["cache"]'
    store = opened(lines, cache='folder = "cache"\nmax_bytes = 100_000')
    (tmp_path / "0.toml").rename(tmp_path / "assetstore.toml")
    for number in range(30):
        store.upload(b"%02d" % number * 5_000, str(number))
    program = """
import random, assetstore
with assetstore.open_store("test") as store:
    for turn in range(200):
        number = random.randrange(30)
        data = store.read(str(number))
        assert data == b"%02d" % number * 5_000, number
print("right")
"""
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run("-c", program), range(3)))
    assert [("right\n", "")] * 3 == [(each.stdout, each.stderr) for each in done]
    kept = [*(tmp_path / "cache").iterdir()]
    assert [] == [path for path in kept if path.name.startswith("draft-")]
    assert 0 < sum(path.stat().st_size for path in kept) <= 3 * 100_000


HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x1a\x00\x00\x00WEBPVP8 ",
    "image/avif": b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00",
    "application/pdf": b"%PDF-1.7\n",
    "audio/ogg": b"OggS\x00\x02\x00\x00",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00",
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "video/mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00",
    "video/webm": b"\x1a\x45\xdf\xa3\x01\x00\x00\x00",
}


def test_bytes_have_to_be_what_they_are_declared_as() -> None:
    """Each of the known types is taken as itself, with parameters too, and under no other one's name."""
    store, _ = stacked("policy")
    for (kind, head), declared in itertools.product(HEADS.items(), [*HEADS, "text/html", "image/svg+xml"]):
        if kind == declared:
            store.upload(head, "a", content_type=f"{declared}; x=y")
            continue
        with pytest.raises(InvalidOptionError, match=f"{kind} and are declared as"):
            store.upload(head, "a", content_type=declared)
    for kind in HEADS:
        with pytest.raises(InvalidOptionError, match="and are not"):
            store.upload(b"<script>alert(1)</script>", "a", content_type=kind)
    for declared in ("text/plain", "application/octet-stream"):
        assert 9 == store.upload(b"free text", "a", content_type=declared).size


def test_a_stream_is_looked_into_and_stored_whole() -> None:
    """What was looked at of a stream that can be read only once is stored with the rest."""
    store, _ = stacked("policy", max_size=1_000)
    store.upload(iter([HEADS["image/png"][:5], HEADS["image/png"][5:], b"rest"]), "a.png")
    assert HEADS["image/png"] + b"rest" == store.read("a.png")


def test_only_allowed_types_are_stored(opened: Open) -> None:
    """Types and patterns of types are allowed; what declares nothing is taken by what its bytes are."""
    store = opened('url = "memory:"\nwrappers = ["policy"]', policy='allowed_types = ["image/*", "application/pdf"]')
    for name, kind in (("a.png", "image/png"), ("b", "image/webp"), ("c.pdf", "application/pdf")):
        store.upload(HEADS[kind], name)
    for name, data in (("d.html", b"<p>"), ("e", b"bytes"), ("f.mp3", HEADS["audio/mpeg"])):
        with pytest.raises(InvalidOptionError, match="allowed are image"):
            store.upload(data, name)
    with pytest.raises(InvalidOptionError):
        store.update("a.png", content_type="text/html")
    assert ["a.png", "b", "c.pdf"] == [info.key for info in store.list()]


def test_nothing_too_large_is_ever_stored(tmp_path: Path) -> None:
    """A known size is refused before anything is sent, an endless stream soon after the bound; the old asset stays."""
    store, backend = stacked("policy", max_size=len(DATA))
    path = tmp_path / "large"
    path.write_bytes(DATA + b"x")
    store.upload(iter([DATA]), "a")
    backend.calls.clear()
    for source in (DATA + b"x", path):
        with pytest.raises(InvalidOptionError, match=f"more than {len(DATA)} bytes"):
            store.upload(source, "a")
    assert [] == backend.calls
    for key in ("a", "b"):
        with pytest.raises(InvalidOptionError, match=f"more than {len(DATA)} bytes"):
            store.upload(itertools.repeat(DATA), key)
    assert [("a", len(DATA))] == [(info.key, info.size) for info in store.list()]


def test_keys_are_readable_and_numbered(opened: Open) -> None:
    """A key is folder, category, the words of the name and its suffix; what is taken gets a number."""
    store = opened('url = "memory:"\nnaming = { plugin = "slugs", folder = "table-4" }')
    names = {
        "Goblin King (final).PNG": "table-4/images/goblin-king-final.png",
        "goblin_king__final.png": "table-4/images/goblin-king-final-2.png",
        "Übersicht.tar.gz": "table-4/other/übersicht-tar.gz",
        ".gitignore": "table-4/other/gitignore",
        "": "table-4/other/unnamed",
        "???": "table-4/other/unnamed-2",
        "地図.pdf": "table-4/documents/地図.pdf",
        "x" * 200 + ".mp3": f"table-4/audio/{'x' * 80}.mp3",
    }
    assert names == {name: store.upload(b"x", filename=name).key for name in names}
    with pytest.raises(ConfigError, match="no valid key"):
        opened('url = "memory:"\nnaming = { plugin = "slugs", folder = "../etc" }')


def test_each_change_is_one_line_of_the_log(opened: Open, tmp_path: Path) -> None:
    """Changes and failed ones are written down, reads only when asked for; threads do not mix their lines."""
    for reads in ("false", "true"):
        path = tmp_path / f"{reads}.jsonl"
        store = opened('url = "memory:"\nplugins = ["audit"]', audit=f'path = "{path.name}"\nreads = {reads}')
        store.upload(b"abc", "ü")
        store.read("ü")
        with pytest.raises(AssetStoreError):
            store.copy("missing", "b")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(functools.partial(store.upload, b""), map(str, range(100))))
        events = [json.loads(line) for line in path.read_text().splitlines()]
        first = [(event["op"], event["key"], event["bytes"], event["error"]) for event in events[: len(events) - 100]]
        read = [("read", "ü", 3, None)] if reads == "true" else []
        assert [("upload", "ü", 3, None), *read, ("copy", "b", 0, "NotFoundError")] == first
        assert {str(number) for number in range(100)} == {event["key"] for event in events[-100:]}
        assert 0o600 == path.stat().st_mode & 0o777


def test_what_the_wrappers_do_not_pass_is_refused() -> None:
    """None of them signs requests where the backend cannot, and encryption hands out no URL at all."""
    store, _ = stacked("encryption", secret=SECRET)
    for operation in (store.presign, store.url):
        with pytest.raises(UnsupportedError):
            operation("a")
