"""Distributions of wrappers, a naming scheme and an observer, installed, work together; wrappers have further tests."""

from __future__ import annotations

import base64
import functools
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from assetstore import AssetStore, AssetStoreError, ConfigError

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Open: TypeAlias = Callable[..., AssetStore]

NAMES = ("audit", "policy", "slugs")
SECRET = base64.b64encode(bytes(32)).decode()
DATA = b"".join(b"%015d\n" % number for number in range(10_000))


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
    opened('url = "memory:"\nwrappers = ["policy"]')
    assert Path(sys.modules["assetstore_policy"].__file__ or "").is_relative_to(site)


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
    with pytest.raises(ConfigError, match="folder must be a valid key"):
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
