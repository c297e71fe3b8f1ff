"""The distributions of ``tests/data``, installed as anyone would install them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

DATA = Path(__file__).parent.parent / "data"

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install all of them into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    folders = sorted(str(path.parent) for path in DATA.glob("*/pyproject.toml"))
    subprocess.run([*command, "--target", str(target), *folders], check=True)
    return target


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Return a function that runs Python in the test's own folder, with the distributions installed."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "PYTHONPATH": str(site), **environment}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    return run
