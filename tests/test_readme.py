"""Every block of the README runs."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import assetstore
from assetstore import plugin
from assetstore.config import StoreConfig, build_store
from assetstore.hooks import Hooks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PLUGINS = [text for language, kind, text in BLOCKS if (language, kind.strip()) == ("python", "plugin")]


def of(language: str, kind: str = "") -> list[str]:
    """Return the texts of the blocks of one language."""
    return [text for found, words, text in BLOCKS if (found, words.strip()) == (language, kind)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with a picture in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("R2_ENABLED", "false")
    (tmp_path / "keep.webp").write_bytes(b"RIFF\x04\x00\x00\x00WEBP")
    return tmp_path


def test_all_python_blocks_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks run one after the other in one namespace, as a reader would type them."""
    names: dict[str, Any] = {name: getattr(plugin, name) for name in plugin.__all__} | {"io": io}
    for language, _, text in BLOCKS:
        if language == "python":
            exec(compile(text, "README.md", "exec"), names)
    assert "upload table-4/images/keep.webp 3 ok\n" in capsys.readouterr().out


def test_the_examples_hold_what_they_promise(folder: Path) -> None:
    """What the comments of the first block say is what the calls return."""
    names: dict[str, Any] = {}
    exec(of("python")[0].replace("store.close()", ""), names)
    store = names["store"]
    assert re.fullmatch(r"images/\d{8}_\d{6}_[0-9a-f]{8}_keep\.webp", names["info"].key)
    assert (b"%PDF", 3) == (store.read("docs/rules.pdf", length=4), store.stats()["uploads"]["count"])
    assert (folder / "keep.webp").read_bytes() == (folder / "out" / "keep.webp").read_bytes()
    store.close()


@pytest.mark.parametrize(
    ("index", "most"), [(0, 5), (1, 5), (2, 8), (3, 43)], ids=["observer", "naming", "wrapper", "backend"]
)
def test_the_shortest_plugins_stay_short(index: int, most: int) -> None:
    """If one grows, the core lacks a default. Blank lines do not count."""
    assert len([line for line in PLUGINS[index].splitlines() if line.strip()]) <= most


def test_the_plugins_are_named_in_the_order_of_the_text() -> None:
    """Observer, naming scheme, wrapper and backend."""
    names = [re.search(r"class (\w+)", text)[1] for text in PLUGINS]  # type: ignore[index]  # each holds a class
    assert ["Audit", "ByTable", "Cautious", "DictBackend"] == names


def test_every_store_in_the_configuration_opens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The TOML block is complete but for the variables it names."""
    for name, value in {"R2_ACCOUNT_ID": "a" * 32, "R2_ACCESS_KEY": "b" * 32, "R2_SECRET_KEY": "c" * 64}.items():
        monkeypatch.setenv(name, value)
    config = tomllib.loads(of("toml")[0])
    for name, table in config["stores"].items():
        build_store(StoreConfig(name=name, table=table, folder=folder, origin="README.md")).close()
    assert config["default"] in config["stores"]


def test_every_command_line_runs(folder: Path) -> None:
    """The block of commands runs from top to bottom."""
    (folder / "README.md").write_text("# a readme\n")
    commands = [line for block in of("sh") for line in block.splitlines() if line.startswith("assetstore ")]
    for command in commands:
        words = shlex.split(command)[1:]
        done = subprocess.run([sys.executable, "-m", "assetstore", *words], capture_output=True, text=True, check=False)
        assert (command, 0, done.stderr) == (command, done.returncode, done.stderr)
    assert "# a readme\n" == (folder / "copy.md").read_text()
    assert 7 == len(commands)


def test_the_test_command_is_the_one_that_ci_calls() -> None:
    """Two commands are all that a newcomer needs, and one of them is what has to pass."""
    install, test = (block.strip() for block in of("sh")[:2])
    assert install.endswith("pip install '.[all]' && .venv/bin/assetstore demo")
    assert test in (ROOT / ".ci" / "run").read_text()


def test_every_hook_has_a_test_of_its_docstring_and_the_readme_points_there() -> None:
    """A reader finds all hooks from the README."""
    hooks = [name for name in vars(Hooks) if name.startswith("assetstore_")]
    assert ("assetstore/hooks.py" in README, 21) == (True, len(hooks))


def test_the_environment_variables_in_the_readme_are_those_that_are_read() -> None:
    """No variable is documented that does nothing."""
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(assetstore.__file__).parent.rglob("*.py"))
    assert set() == {name for name in re.findall(r"\bASSETSTORE_[A-Z_]+", README) if name not in sources}
