"""A door whose extra is missing says in one line what installs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

DOORS = {
    "assetstore.aio": ("anyio", "aio"),
    "assetstore_dask": ("distributed", "dask"),
    "assetstore_django": ("django", "django"),
    "assetstore_fsspec": ("fsspec", "fsspec"),
    "assetstore_gallery": ("jinja2", "gallery"),
    "assetstore_otel": ("opentelemetry", "otel"),
    "assetstore_prometheus": ("prometheus_client", "prometheus"),
    "assetstore_wrappers.encryption": ("cryptography", "encryption"),
}


def without(package: str, program: str) -> str:
    """Return the last line that a program writes to stderr where a package is not installed."""
    # None in sys.modules alone would not be what happens: there the name has a specification.
    hide = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
    done = subprocess.run([sys.executable, "-c", hide + program], capture_output=True, text=True)
    assert 1 == done.returncode
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("door", DOORS)
def test_the_error_is_one_line_that_says_what_to_install(door: str) -> None:
    """Not a package of somebody else is named first, but the extra of assetstore that brings it."""
    package, extra = DOORS[door]
    told = f"{package} is not installed: pip install 'assetstore[{extra}]'"
    assert f"ModuleNotFoundError: {told}" == without(package, f"import {door}")


@pytest.mark.parametrize("plugin", ["otel", "prometheus"])
def test_a_configuration_says_so_too(plugin: str) -> None:
    """A store whose plugin needs an extra is not opened, and the error names plugin and cure once."""
    package, extra = DOORS[f"assetstore_{plugin}"]
    line = without(package, f"from assetstore import open_store; open_store({{'url': 'memory:', 'plugins': [{plugin!r}]}})")
    assert f"{package} is not installed: pip install 'assetstore[{extra}]'" in line
    assert 1 == line.count("pip install")


def test_the_first_request_through_botocore_says_so_too() -> None:
    """A bucket opens without the extra, which its own engine does not need; what needs botocore names the cure once."""
    keys = "'access_key': 'a', 'secret_key': 'b', 'engine': 'boto3'"
    program = f"""
from assetstore import open_store
open_store({{'url': 'r2:///bucket?endpoint_url=http://127.0.0.1:1', {keys}}}).exists('a')
"""
    line = without("botocore", program)
    told = "botocore is not installed: pip install 'assetstore[r2]'"
    assert f"assetstore.errors.ConfigError: exists 'a' (store store): {told}" == line
