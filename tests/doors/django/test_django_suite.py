"""Django's own tests of storages, uploads and file fields, with our storage in place of Django's."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import django
import pytest
from excluded import EXCLUDED, NOT_RUN, reason

if TYPE_CHECKING:
    from servers import S3Server

LABELS = [
    *("file_storage.tests", "file_storage.test_base", "file_storage.test_generate_filename"),
    *("file_uploads", "files", "model_fields.test_filefield"),
]
"""The rest of ``file_storage`` is about Django's own storage in memory."""
STATIC = ["staticfiles_tests.test_storage"]
"""Needs URLs, which a store in memory has not."""
SUITE = Path(__file__).with_name("django_suite.py")


@pytest.fixture(scope="session")
def django_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the tests of the installed Django, from its source distribution."""
    folder = tmp_path_factory.mktemp("django")
    wanted = ["--no-deps", "--no-binary", "Django", f"Django=={django.__version__}"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", folder, *wanted], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (tests,) = folder.glob("*/tests")
    return tests


@pytest.fixture(params=["local", "memory", "s3"])
def store(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give the name of a kind of store, and what the suite is told of it."""
    if request.param != "s3":
        return request.param, request.param
    server: S3Server = request.getfixturevalue("seaweedfs")
    table = {
        "url": f"s3://{server.bucket}",
        "endpoint_url": server.endpoint_url,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "region": server.region,
    }
    return "s3", json.dumps(table)


def outcomes_of(tests: Path, store: str, labels: list[str]) -> dict[str, str]:
    """Run the tests of some labels in a process of their own; return what became of each."""
    done = subprocess.run([sys.executable, SUITE, tests, store, *labels], capture_output=True, text=True, timeout=1200)
    assert done.stdout, done.stderr
    outcomes: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


def test_djangos_own_tests_pass(
    django_tests: Path, store: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """All but the excluded pass, and those fail for their reason: one that begins to pass must leave the list."""
    name, told = store
    outcomes = outcomes_of(django_tests, told, LABELS)
    if name != "memory":
        outcomes |= outcomes_of(django_tests, told, STATIC)
    excluded = {test: why for test in outcomes if (why := reason(name, test))}
    failed = {test: what for test, what in outcomes.items() if what.startswith("failed") and test not in excluded}
    with capsys.disabled():
        kinds = Counter("excluded" if test in excluded else what.partition(":")[0] for test, what in outcomes.items())
        sys.stdout.write(f"\nDjango {django.__version__} on {name}: {dict(kinds)}, {len(NOT_RUN)} not run\n")
    assert {} == failed
    assert {} == {test: why for test, why in excluded.items() if outcomes[test] == "passed"}
    assert set() == {case for case in EXCLUDED[name] if not any(test.endswith(f".{case}") for test in outcomes)}
