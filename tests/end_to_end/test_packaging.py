"""The wheel holds what it should, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {"assetstore", *(path.name for path in (ROOT / "plugins").glob("assetstore_*"))}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel and return the names of its files."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_our_packages_alone(names: set[str]) -> None:
    """No tests, no benchmarks, no ``plugins`` folder."""
    assert PACKAGES == {name.split("/")[0] for name in names if ".dist-info/" not in name}


def test_every_package_is_typed(names: set[str]) -> None:
    """Each has its ``py.typed``, so that users' type checkers look into it."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_every_module_of_the_tree_is_in_the_wheel(names: set[str]) -> None:
    """Nothing that is imported here would be missing elsewhere."""
    core = {str(path.relative_to(ROOT)) for path in (ROOT / "assetstore").rglob("*.py")}
    plugins = {str(path.relative_to(ROOT / "plugins")) for path in (ROOT / "plugins").rglob("*.py")}
    assert core | plugins == {name for name in names if name.endswith(".py")}


def test_the_licence_goes_with_it(names: set[str]) -> None:
    """The text of the licence is in the wheel."""
    assert [name for name in names if name.endswith("LICENSE")] != []
