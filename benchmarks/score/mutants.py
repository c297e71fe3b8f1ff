"""Figure 12: mutants of the code that must not be wrong which the tests kill, and the branches that they take there.

Run: ``tox -e mutants [-- AREA …]`` to measure the areas whose modules or tests have changed, and to write the results to
``mutants.json``, which the figure reads: mutmut takes minutes, because it runs all tests of an area before the first mutant.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from bench.peers import ROOT
from score.figure import Outcome, Run

CACHE = Path(__file__).with_suffix(".json")
LEAST = 0.9
_SLOW = ("wire", "boto3", "seaweedfs", "emulator", "opens_a_store_or_names", "every_url")
"""In the names of tests that ask a server, or try very many examples of what others try some of."""
_PYTEST = ("-p", "no:cacheprovider", "-k", " and ".join(f"not {name}" for name in _SLOW))
_NO_TESTS, _SURVIVED = 33, 0
"""What mutmut records of a mutant that no test calls, and of one that all tests pass with."""

_SHOW = """
import json, sys
from mutmut.mutation.diff_apply import get_diff_for_mutant
changes = {name: get_diff_for_mutant(name).splitlines()[2:] for name in sys.argv[1:]}
print(json.dumps({name: [line for line in lines if line[0] in "+-"] for name, lines in sorted(changes.items())}))
"""


@attrs.frozen
class Area:
    """Modules that must not be wrong, and the quick tests of them.

    Attributes:
        modules: paths below the root, and below ``plugins``.
        tests: paths below ``tests``.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def paths(self) -> list[Path]:
        """Return the files of the modules."""
        return [next(path for path in (ROOT / name, ROOT / "plugins" / name) if path.exists()) for name in self.modules]

    def digest(self) -> str:
        """Return a digest of the modules and the tests."""
        paths = [*self.paths(), *(ROOT / "tests" / name for name in self.tests)]
        return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:16]


AREAS: Mapping[str, Area] = {
    "keys": Area(("assetstore/keys.py",), ("test_globs.py", "test_keys.py", "test_scope.py")),
    "signing": Area(
        (
            "assetstore/signed_headers.py",
            "assetstore/direct/token.py",
            "assetstore/direct/signing_keys.py",
            "assetstore_local/presign.py",
            "assetstore_local/http/verify.py",
            "assetstore_r2/sigv4.py",
        ),
        (
            "test_signed_headers.py",
            "test_token.py",
            "test_signing_keys.py",
            "plugins/test_local_signing.py",
            "plugins/test_local_forgeries.py",
            "plugins/test_r2_sigv4.py",
        ),
    ),
    "safe writes": Area(
        (
            "assetstore/content/atomic_file.py",
            "assetstore_local/disk/json_file.py",
            "assetstore_local/disk/staged_file.py",
        ),
        ("test_atomic_file.py", "plugins/test_local_records.py", "plugins/test_local_staged_file.py"),
    ),
    "retries": Area(("assetstore_r2/retry.py",), ("plugins/test_r2_patience.py", "plugins/test_r2_retry.py")),
    "config": Area(
        ("assetstore/config.py", "assetstore/settings.py"), ("test_config.py", "test_config_tables.py", "test_settings.py")
    ),
}


def measure(run: Run) -> Outcome:
    """Tell what the last measurement found; the full form fails when an area changed since, the short one says so."""
    results: Mapping[str, Mapping[str, Any]] = json.loads(CACHE.read_text())
    killed, mutants, taken, branches = (
        sum(result[what] for result in results.values()) for what in ("killed", "mutants", "taken", "branches")
    )
    notes = [f"{name}: not measured" for name in AREAS if name not in results]
    for name, result in results.items():
        if result["killed"] < LEAST * result["mutants"]:
            notes.append(f"{name}: the tests kill only {result['killed']} of {result['mutants']} mutants")
        notes += [f"{name}: never taken: {place}" for place in result["missing"]]
    changed = [name for name, area in AREAS.items() if name in results and results[name]["digest"] != area.digest()]
    stale = [f"what changed since it was measured: {', '.join(changed)}; run tox -e mutants"] if changed else []
    return Outcome(
        value=f"{killed:,} of {mutants:,}, {100 * killed / mutants:.1f} %; {taken} of {branches} lines and branches",
        passed=not notes and (run.short or not stale),
        notes=(*notes, *([] if run.short else stale)),
        left_out=tuple(stale if run.short else []),
    )


def main() -> int:
    """Measure what changed, or the areas that are named, and write the results."""
    parser = argparse.ArgumentParser(prog="tox -e mutants --", description="Measure which mutants the tests kill.")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}; those that changed by default")
    named = parser.parse_args().areas
    results: dict[str, Any] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    for name, area in AREAS.items():
        if name in named or (not named and results.get(name, {}).get("digest") != area.digest()):
            results[name] = {"digest": area.digest(), **_mutated(area), **_covered(area)}
            CACHE.write_text(json.dumps({name: results[name] for name in AREAS if name in results}, indent=1) + "\n")
            killed, mutants, missing = (results[name][what] for what in ("killed", "mutants", "missing"))
            print(f"{name}: {killed} of {mutants} mutants; never taken: {missing}", flush=True)
    return 0


def _mutated(area: Area) -> dict[str, Any]:
    """Let mutmut change each function, and count the changes that a test notices; return those that none does."""
    with tempfile.TemporaryDirectory(prefix="assetstore-mutants-") as text:
        folder = Path(text)
        # mutmut takes the names of modules from their paths below src.
        for path in (ROOT / "benchmarks", ROOT / "tests"):
            shutil.copytree(path, folder / path.name)
        for path in (ROOT / "assetstore", *(ROOT / "plugins").iterdir()):
            shutil.copytree(path, folder / "src" / path.name)
        usual = (ROOT / "pyproject.toml").read_text().replace('["plugins", "benchmarks"]', '["src", "benchmarks"]')
        (folder / "pyproject.toml").write_text(f"{usual}\n[tool.mutmut]\n{_options(area)}")
        mutated = folder / "mutants" / "src"
        mutated.mkdir(parents=True)  # Python forgets about folders that were missing when it began.
        environment = os.environ | {"CI": "1", "PYTHONPATH": str(mutated)}
        command = [sys.executable, "-m", "mutmut", "run"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        ends: dict[str, int | None] = {}
        for path in mutated.rglob("*.meta"):
            ends |= json.loads(path.read_text())["exit_code_by_key"]
        if done.returncode or not ends or None in ends.values():
            raise RuntimeError(f"mutmut failed: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        survivors = [name for name, end in ends.items() if end in (_SURVIVED, _NO_TESTS)]
        shown = subprocess.run([sys.executable, "-c", _SHOW, *survivors], cwd=folder, capture_output=True, check=True)
    return {"mutants": len(ends), "killed": len(ends) - len(survivors), "survivors": json.loads(shown.stdout)}


def _options(area: Area) -> str:
    options = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{name}" for name in area.modules],
        "also_copy": ["benchmarks"],
        "pytest_add_cli_args": list(_PYTEST),
        "timeout_multiplier": 5.0,
        "use_git_change_detection": False,
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in area.tests],
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())


def _covered(area: Area) -> dict[str, Any]:
    """Return how many lines and branches the same tests take, of how many, and those that they do not."""
    with tempfile.TemporaryDirectory(prefix="assetstore-mutants-") as text:
        report = Path(text) / "coverage.json"
        environment = os.environ | {"COVERAGE_FILE": str(Path(text) / "data")}
        command = [sys.executable, "-m", "pytest", "-q", *_PYTEST, f"--cov-report=json:{report}"]
        # Whole packages: coverage loads a module that is named before the tests do, and then there are two of it.
        command += [f"--cov={package}" for package in sorted({name.split("/")[0] for name in area.modules})]
        command += [f"tests/{name}" for name in area.tests]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"a test failed: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        files = json.loads(report.read_text())["files"]
    found = {str(path.relative_to(ROOT)): files[str(path.relative_to(ROOT))] for path in area.paths()}
    lines = [f"{name}:{line}" for name, file in found.items() for line in file["missing_lines"]]
    missing = [f"{name}:{a}->{b}" for name, file in found.items() for a, b in file["missing_branches"]]
    summaries = [file["summary"] for file in found.values()]
    return {
        "branches": sum(summary["num_statements"] + summary["num_branches"] for summary in summaries),
        "taken": sum(summary["covered_lines"] + summary["covered_branches"] for summary in summaries),
        "missing": [*lines, *missing],
    }


if __name__ == "__main__":
    sys.exit(main())
