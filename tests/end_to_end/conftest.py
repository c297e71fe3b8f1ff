"""The distributions of ``examples`` and one of a third party, installed as anyone would install them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from assetstore import AssetStore, open_store
from assetstore.entry_points import load_factory
from assetstore.testing import FaultyBackend, MemoryBackend

TESTS = Path(__file__).parent.parent
EXAMPLES = TESTS.parent / "examples"
THIRD_PARTY = TESTS / "data" / "third_party"

NAMES = ("audit", "policy", "slugs")

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Open: TypeAlias = Callable[..., AssetStore]
Stack: TypeAlias = Callable[..., tuple[AssetStore, FaultyBackend]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install all of them into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    folders = [str(THIRD_PARTY), *sorted(str(path.parent) for path in EXAMPLES.glob("*/pyproject.toml"))]
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


@pytest.fixture(scope="module")
def installed(site: Path) -> Iterator[None]:
    """Have the distributions installed in this process, and nobody's other copy of them loaded."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith(tuple(f"assetstore_{known}" for known in NAMES))]:
            patch.delitem(sys.modules, name)
        patch.syspath_prepend(str(site))
        yield


@pytest.fixture
def opened(installed: None, tmp_path: Path) -> Iterator[Open]:
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


@pytest.fixture(scope="module")
def stacked(installed: None) -> Stack:
    """Return a function that gives a store with one wrapper over a memory, and the memory, which notes what it is asked."""

    def stacked(name: str, **settings: Any) -> tuple[AssetStore, FaultyBackend]:
        backend = FaultyBackend(MemoryBackend())
        return AssetStore(backend, wrappers=[lambda inner: load_factory(name)(inner=inner, **settings)]), backend

    return stacked
