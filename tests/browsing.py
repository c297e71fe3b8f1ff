"""What the browser tests need beside Python's packages: Chromium, and Uppy, which npm fetches."""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FOLDER = TESTS / "browser"
ENTRY = TESTS.parent / "docs" / "direct-upload" / "uppy.mjs"
UPPY = TESTS.parent / ".cache" / "uppy"
UPPY_VERSIONS = ("5", "6")
HAS_CURL = shutil.which("curl") is not None
# As root Chromium refuses its sandbox, and a container's shared memory may be small.
ARGUMENTS = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.getuid() == 0 else [])]
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@functools.cache
def has_browser() -> bool:
    """Tell whether there are a browser that starts and the package that drives it."""
    if CHROMIUM is None or importlib.util.find_spec("playwright") is None:
        return False
    # Several processes of tests look at once, and what they find must agree: each has a profile of its own.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, "--headless", *ARGUMENTS, f"--user-data-dir={profile}", "--dump-dom", "about:blank"]
        try:
            return subprocess.run(command, capture_output=True, timeout=600, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def bundle(version: str) -> Path:
    """Return the folder with uppy.mjs and uppy.css of a version, which may be missing or of older packages."""
    return UPPY / version / "bundle"


def has_uppy() -> bool:
    """Tell whether every version is there as its package.json names it."""
    return all(_is_complete(version) for version in UPPY_VERSIONS)


def install_uppy() -> bool:
    """Install what is missing into .cache/uppy, one process at a time, and tell whether every version is there."""
    UPPY.mkdir(parents=True, exist_ok=True)
    with (UPPY / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for version in UPPY_VERSIONS:
            if not _is_complete(version):
                shutil.rmtree(UPPY / version, ignore_errors=True)
                _install(UPPY / version, _wanted(version))
    return has_uppy()


def _install(folder: Path, wanted: str) -> None:
    from servers.emulator import NODE, NPM

    options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    build = ("--bundle", "--format=esm", "--minify", "--outfile=bundle/uppy.mjs")
    folder.mkdir()
    (folder / "package.json").write_text(wanted)
    shutil.copy(ENTRY, folder)
    for command in ([NPM, "install", *options], ["node_modules/esbuild/bin/esbuild", ENTRY.name, *build]):
        if subprocess.run([NODE, *command], cwd=folder, capture_output=True, check=False).returncode != 0:
            return
    (folder / "bundle" / "complete.json").write_text(wanted)


def _is_complete(version: str) -> bool:
    complete = bundle(version) / "complete.json"
    return complete.exists() and complete.read_text() == _wanted(version)


def _wanted(version: str) -> str:
    return (TESTS / "data" / "uppy" / version / "package.json").read_text()


def left_out(config: pytest.Config) -> list[str]:
    """Return a line for each part of the browser tests that a run would have had and went without."""
    named = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    lines = [] if HAS_CURL else ["left out: tests with curl (apt-get install curl)"]
    lines += [] if FIREFOX else ["left out: tests in Firefox (apt-get install firefox-esr)"]
    if not any(FOLDER.is_relative_to(path) or path.is_relative_to(FOLDER) for path in named):
        return lines
    if not has_browser():
        return [*lines, "left out: browser tests (no Chromium that starts; apt-get install chromium, or tox -e browser)"]
    return lines if has_uppy() else [*lines, "left out: browser tests of Uppy (npm could not install it)"]
