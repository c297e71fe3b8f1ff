"""A third party's plugins, installed as a distribution of their own, work through the same doors as ours."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

CONFIG = """
default = "acme"

[stores.acme]
url      = "zip:assets.zip"
wrappers = ["acme-guard"]
plugins  = ["acme-audit"]
naming   = { plugin = "acme-table", table = 4 }

[stores.acme.acme-guard]
max_bytes = 10

[stores.acme.acme-audit]
path = "audit.log"
"""


def test_backend_naming_wrapper_and_observer_work_from_config(run: Run, tmp_path: Path) -> None:
    """All four are found by name, built from their tables, and take part in one upload."""
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    program = """
from assetstore import InvalidOptionError, open_store
with open_store() as store:
    print(store.upload(b"pixels", filename="keep.webp").key, store.location)
    try:
        store.upload(b"far too many bytes", "big.bin")
    except InvalidOptionError as error:
        print(error)
    print([asset.key for asset in store.list()], store.read("table-4/images/keep.webp"))
"""
    done = run("-c", program)
    expected = [
        "table-4/images/keep.webp archive assets.zip, local",
        "upload 'big.bin' (store acme): 18 bytes are more than 10",
        "['table-4/images/keep.webp'] b'pixels'",
    ]
    assert (expected, "") == (done.stdout.splitlines(), done.stderr)
    log = (tmp_path / "audit.log").read_text().splitlines()
    assert ["upload table-4/images/keep.webp ok", "upload big.bin error"] == log[:2]


def test_the_command_line_knows_a_third_partys_plugins_and_commands(run: Run, tmp_path: Path) -> None:
    """``plugins`` shows name, distribution, version and hooks, and an observer's command is a command."""
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    plugins = run("-m", "assetstore", "plugins").stdout
    (line,) = [line for line in plugins.splitlines() if "acme-zip" in line]
    assert all(word in line for word in ("acme-assets", "2.5.1", "upload"))
    run("-c", "import assetstore; assetstore.open_store().upload(b'x', 'x.txt')")
    assert "upload x.txt ok\n" == run("-m", "assetstore", "audit-log").stdout


def test_a_disabled_plugin_is_never_imported(run: Run, tmp_path: Path) -> None:
    """ASSETSTORE_DISABLE_PLUGINS is asked before a module is loaded."""
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    program = """
import sys
from assetstore import ConfigError, open_store
try:
    open_store()
except ConfigError as error:
    print([p for p in error.problems if "disabled" in p] != [], "acme_assets" in sys.modules)
"""
    names = "acme-zip,acme-table,acme-guard,acme-audit,zip"
    assert "True False\n" == run("-c", program, ASSETSTORE_DISABLE_PLUGINS=names).stdout
