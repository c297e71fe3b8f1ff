"""Client-side encryption: what is stored is unreadable, and no change of it goes unnoticed."""

from __future__ import annotations

import base64
import functools
import itertools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, ConfigError, CredentialsError, IntegrityError
from assetstore.entry_points import load_factory
from assetstore.testing import FaultyBackend, MemoryBackend
from assetstore_local import LocalBackend
from assetstore_wrappers.cache import Cache
from assetstore_wrappers.encryption import Encryption
from assetstore_wrappers.trash import Trash, restore

Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]
Memory: TypeAlias = Callable[[int], tuple[AssetStore, FaultyBackend, bytes, bytes]]

SECRET, OTHER = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
PLAIN = 1 << 16
EXTRA = 60
DATA = b"".join(b"%015d\n" % number for number in range(10_000))
SIZES = (0, 1, 100, PLAIN, PLAIN + 1, 2 * PLAIN, len(DATA))


@pytest.fixture(scope="module")
def memory_of(stacked: Stack) -> Memory:
    """Return a function that gives a store that encrypts, its memory, and what that stores of two versions of an asset."""

    @functools.cache
    def memory_of(size: int) -> tuple[AssetStore, FaultyBackend, bytes, bytes]:
        store, backend = stacked("encryption", secret=SECRET)
        stored = []
        for data in (DATA[:size], DATA[:size][::-1]):
            store.upload(data, "a")
            stored.append(AssetStore(backend).read("a"))
        return store, backend, stored[0], stored[1]

    return memory_of


def test_sizes_and_listings_are_those_of_the_plain_bytes(opened: Open) -> None:
    """Upload, stat, listing and reader tell the plain size, around every border of a record; there is no digest."""
    store = opened('url = "memory:"\nwrappers = ["encryption"]', encryption=f'secret = "{SECRET}"')
    for size in (0, 1, PLAIN - 1, PLAIN, PLAIN + 1, 2 * PLAIN, 2 * PLAIN + 1):
        data = DATA[:size]
        infos = [store.upload(data, "a"), store.stat("a"), *store.list(), store.open("a").info]
        assert [(len(data), None)] * 4 == [(info.size, info.digest) for info in infos]
        assert data == store.read("a")


@given(offset=st.integers(0, len(DATA) + PLAIN), length=st.none() | st.integers(0, len(DATA) + PLAIN))
def test_every_run_is_what_a_slice_would_be(memory_of: Memory, offset: int, length: int | None) -> None:
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


@given(
    size=st.sampled_from(SIZES),
    border=st.integers(0, 3),
    place=st.integers(-70, 70) | st.integers(0, PLAIN),
    bit=st.integers(0, 7),
)
def test_no_flipped_bit_goes_unnoticed(memory_of: Memory, size: int, border: int, place: int, bit: int) -> None:
    """A read raises instead of giving other bytes, wherever the bit stands."""
    store, backend, stored, _ = memory_of(size)
    damaged = bytearray(stored)
    damaged[(border * (PLAIN + EXTRA) + place) % len(stored)] ^= 1 << bit
    AssetStore(backend).upload(bytes(damaged), "a")
    with pytest.raises((IntegrityError, CredentialsError)):
        store.read("a")


@pytest.mark.parametrize("size", SIZES)
def test_no_record_is_moved_or_comes_from_another_version(memory_of: Memory, size: int) -> None:
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
def test_a_cut_is_noticed_behind_its_end_too(memory_of: Memory, size: int, border: int, place: int) -> None:
    """A read of an asset that was cut off anywhere raises, also a run that would begin behind its new end."""
    store, backend, stored, _ = memory_of(size)
    AssetStore(backend).upload(stored[: (border * (PLAIN + EXTRA) + place) % len(stored)], "a")
    for offset in (0, max(0, size - 1), size):
        with pytest.raises(IntegrityError):
            store.read("a", offset=offset)


def test_encrypted_bytes_belong_to_their_key(stacked: Stack) -> None:
    """What is moved behind the store's back cannot be read; what the store copies or moves itself can."""
    store, backend = stacked("encryption", secret=SECRET)
    store.upload(DATA, "a")
    AssetStore(backend).copy("a", "b")
    with pytest.raises(IntegrityError):
        store.read("b")
    store.move("a", "c")
    assert DATA == store.read("c")


def test_two_writes_of_one_asset_have_nothing_in_common(stacked: Stack) -> None:
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
    assert SECRET not in repr(load_factory("encryption")(inner=None, secret=SECRET, old_secrets=(SECRET,)))


def test_encryption_above_a_trash_is_refused(tmp_path: Path) -> None:
    """There the trash would copy encrypted bytes to another key, where nobody can read them; the other order works."""
    secret = functools.partial(Encryption, secret=SECRET)
    cache = functools.partial(Cache, folder=tmp_path)
    with pytest.raises(ConfigError, match=r'must stand behind the trash; write wrappers = \["trash", "encryption"\]'):
        AssetStore(MemoryBackend(), wrappers=[secret, cache, Trash])
    store = AssetStore(MemoryBackend(), wrappers=[Trash, cache, secret])
    store.upload(DATA, "a")
    store.delete("a")
    assert DATA == store.read(restore(store, "a").key)


def test_the_backend_below_is_checked_as_ever(tmp_path: Path) -> None:
    """A check of the store has the steps of its backend."""
    bare, store = (
        AssetStore(LocalBackend(root=tmp_path), wrappers=wrappers)
        for wrappers in ([], [functools.partial(Encryption, secret=SECRET)])
    )
    names = [[step.name for step in each.check().steps] for each in (bare, store)]
    assert names[0] == names[1] != []
