"""Type checkers know every public name of an installed wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pages import ROOT

EXTRAS = ("all", "aio", "dask", "django", "encryption", "fsspec", "otel", "prometheus", "testing")
PACKAGES = ("assetstore", *sorted(path.name for path in (ROOT / "plugins").glob("assetstore_*")))
UNTYPED = ("Type of metaclass unknown", "Type of base class unknown")
"""What is said of classes whose base is of a package without types: fsspec has none."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a new virtual environment that has the wheel with its extras, and stubs for Django."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    install = [programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}[{','.join(EXTRAS)}]"]
    subprocess.run([*install, "django-stubs", "mypy"], check=True)
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(folder / "venv")}


def unknown(package: str, environment: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """Return what pyright says of each public name of a package whose type it does not know for certain."""
    command = [Path(sys.executable).with_name("pyright"), "--verifytypes", package, "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    found: dict[str, Any] = json.loads(done.stdout)["typeCompleteness"]
    assert found["pyTypedPath"], "the package was not found"
    return {
        symbol["name"]: [diagnostic["message"] for diagnostic in symbol["diagnostics"]]
        for symbol in found["symbols"]
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_pyright_knows_the_type_of_every_public_name(package: str, environment: Mapping[str, str], tmp_path: Path) -> None:
    """``pyright --verifytypes`` finds nothing that is unknown or ambiguous, an untyped base of fsspec's apart."""
    found = unknown(package, environment, tmp_path)
    if package == "assetstore_fsspec":
        found = {name: told for name, texts in found.items() if (told := [text for text in texts if text not in UNTYPED])}
    assert {} == found


@pytest.mark.parametrize("checker", ["mypy --strict", "pyright"])
def test_a_program_of_a_user_is_checked_against_the_wheel(
    checker: str, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """The types that ``tests/typing/api.py`` states are those that both type checkers see."""
    program = tmp_path / "program.py"
    program.write_text((ROOT / "tests" / "typing" / "api.py").read_text(encoding="utf-8"), encoding="utf-8")
    name, *options = checker.split()
    folder = Path(sys.executable).parent if name == "pyright" else Path(environment["VIRTUAL_ENV"]) / "bin"
    done = subprocess.run([folder / name, *options, program], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout)
