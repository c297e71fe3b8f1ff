"""universal_pathlib's own base tests, which are in its source archive alone, on our paths."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked source archive of the version that is installed."""
    folder = tmp_path_factory.mktemp("upath")
    wanted = f"universal_pathlib=={version('universal_pathlib')}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", wanted]
    subprocess.run(command, cwd=folder, check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def test_the_base_tests_of_universal_pathlib_pass(source: Path) -> None:
    """All but those that ``upath_suite`` excludes pass, on every store."""
    suite = Path(__file__).with_name("upath_suite.py")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", str(suite)]
    environment = {**os.environ, "UPATH_SOURCE": str(source)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 0 == ended.returncode, ended.stdout
