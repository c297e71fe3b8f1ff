"""The secret of a folder: made once, by the first process, and readable by this user alone."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from assetstore import AssetStore, ConfigError
from assetstore_local import LocalBackend


def signature_by(root: Path, gate: Any, results: Any) -> None:
    """Sign something once all processes are ready."""
    backend = LocalBackend(root=root, durable=False)
    gate.wait(600)
    results.put(backend.server().keys().sign("purpose", "field"))


def test_processes_that_sign_at_once_for_the_first_time_share_one_key(tmp_path: Path) -> None:
    """8 processes that find no key end up with the same one."""
    context = multiprocessing.get_context("forkserver")
    gate, results = context.Barrier(8), context.Queue()
    processes = [context.Process(target=signature_by, args=(tmp_path, gate, results)) for _ in range(8)]
    for process in processes:
        process.start()
    signatures = {results.get(timeout=600) for _ in processes}
    for process in processes:
        process.join()
    assert 1 == len(signatures)
    assert [0] * 8 == [process.exitcode for process in processes]


def test_the_key_is_out_of_reach(tmp_path: Path) -> None:
    """The key is not an asset, has no URL, and only its owner may read it."""
    backend = LocalBackend(root=tmp_path)
    with AssetStore(backend) as store:
        store.presign("a")
        assert [] == list(store.list())
        assert not store.exists(".assetstore/signing-key")
    key = tmp_path / ".assetstore" / "signing-key"
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert 43 == len(key.read_text().strip())
    assert key.read_text().strip() not in repr(backend)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever could read it could sign; the error says how to mend that, and does not show the key."""
    LocalBackend(root=tmp_path).server().keys()
    key = tmp_path / ".assetstore" / "signing-key"
    key.chmod(mode)
    with pytest.raises(ConfigError, match="others can read") as caught:
        AssetStore(LocalBackend(root=tmp_path)).presign("a")
    assert key.read_text().strip() not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("text", ["", "short", "x" * 31])
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is ever signed by less than 32 characters, from the folder or from the settings."""
    LocalBackend(root=tmp_path).server().keys()
    (tmp_path / ".assetstore" / "signing-key").write_text(text)
    with pytest.raises(ConfigError, match="at least 32 characters"):
        AssetStore(LocalBackend(root=tmp_path)).presign("a")
    with pytest.raises(ConfigError, match="at least 32 characters"):
        LocalBackend(root=tmp_path, signing_keys=(text,))


def test_signing_needs_neither_a_server_nor_an_asset(tmp_path: Path) -> None:
    """A folder that is not there yet signs, too; configured keys leave nothing behind."""
    root = tmp_path / "assets"
    with AssetStore(LocalBackend(root=root, signing_keys=("k" * 32,))) as store:
        first = store.presign("a", window=604_000, expires=1)
    assert not os.path.lexists(root)
    with AssetStore(LocalBackend(root=root, signing_keys=("k" * 32,))) as store:
        assert first == store.presign("a", window=604_000, expires=1)


@pytest.mark.parametrize(
    "settings",
    [
        {"serve_url": "127.0.0.1:8420"},
        {"serve_url": "http://127.0.0.1:8420/?a=b"},
        {"serve_url": "http://127.0.0.1:8420/#"},
        {"serve_url": "http://user:password@assets.example"},
        {"serve_url": "http://[::1"},
        {"serve_url": "http://assets.example:99999"},
        {"serve_url": "http://assets.example/two words"},
        {"serve_url": "https://"},
        {"origins": ("https://app.example/",)},
        {"origins": ("app.example",)},
        {"origins": ("https://App.example",)},
        {"origins": ("https://app.example:443",)},
        {"origins": ("https://*.example",)},
        {"origins": ("null",)},
    ],
)
def test_settings_that_could_never_work_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    """A server's address is a URL without a user or a query, an origin is what a browser sends."""
    with pytest.raises(ConfigError):
        LocalBackend(root=tmp_path, **settings)


def test_pages_of_any_kind_can_be_named(tmp_path: Path) -> None:
    """Sites, machines, addresses and installed applications have origins."""
    origins = ("https://app.example", "http://localhost:3000", "http://[::1]:8080", "tauri://localhost", "https://a:80", "*")
    assert origins == LocalBackend(root=tmp_path, origins=origins).origins
