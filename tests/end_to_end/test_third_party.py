"""A third party's plugins, installed as a distribution of their own, work through the same doors as ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data" / "third_party"

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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the distribution into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(DATA)], check=True)
    return target


def run(site: Path, folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the distribution installed."""
    variables = {**os.environ, "PYTHONPATH": str(site), **environment}
    return subprocess.run([sys.executable, *command], cwd=folder, env=variables, capture_output=True, text=True, check=False)


def test_backend_naming_wrapper_and_observer_work_from_config(site: Path, tmp_path: Path) -> None:
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
    done = run(site, tmp_path, "-c", program)
    expected = [
        "table-4/images/keep.webp archive assets.zip, local",
        "upload 'big.bin' (store acme): 18 bytes are more than 10",
        "['table-4/images/keep.webp'] b'pixels'",
    ]
    assert (expected, "") == (done.stdout.splitlines(), done.stderr)
    log = (tmp_path / "audit.log").read_text().splitlines()
    assert ["upload table-4/images/keep.webp ok", "upload big.bin error"] == log[:2]


def test_the_command_line_knows_a_third_partys_plugins_and_commands(site: Path, tmp_path: Path) -> None:
    """``plugins`` shows name, distribution, version and hooks, and an observer's command is a command."""
    (tmp_path / "assetstore.toml").write_text(CONFIG)
    plugins = run(site, tmp_path, "-m", "assetstore", "plugins").stdout
    (line,) = [line for line in plugins.splitlines() if "acme-zip" in line]
    assert all(word in line for word in ("acme-assets", "2.5.1", "upload"))
    run(site, tmp_path, "-c", "import assetstore; assetstore.open_store().upload(b'x', 'x.txt')")
    assert "upload x.txt ok\n" == run(site, tmp_path, "-m", "assetstore", "audit").stdout


def test_a_disabled_plugin_is_never_imported(site: Path, tmp_path: Path) -> None:
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
    assert "True False\n" == run(site, tmp_path, "-c", program, ASSETSTORE_DISABLE_PLUGINS=names).stdout
