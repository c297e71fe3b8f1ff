"""``collectstatic`` into a bucket, its requests counted on the wire."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assetstore_r2.testing import FaultProxy

if TYPE_CHECKING:
    from servers import S3Server

COUNT = 502
PROGRAM = """
import sys
import django
from django.conf import settings
from django.core.management import call_command

backend, location, endpoint, access_key, secret_key, source = sys.argv[1:]
store = dict(url="s3://assets", endpoint_url=endpoint, access_key=access_key, secret_key=secret_key, region="us-east-1")
store["public_url"] = "https://files.example"
options = dict(store=store, location=location)
settings.configure(
    INSTALLED_APPS=["assetstore_django", "django.contrib.staticfiles"],
    STATICFILES_DIRS=[source],
    STATIC_URL="/static/",
    STORAGES=dict(staticfiles=dict(BACKEND=f"assetstore_django.{backend}", OPTIONS=options)),
)
django.setup()
call_command("collectstatic", interactive=False)
"""


@pytest.mark.parametrize("backend", ["AssetStorage", "ManifestAssetStorage"])
def test_a_second_run_of_502_files_takes_at_most_three_requests(
    backend: str, seaweedfs: S3Server, tmp_path: Path, unique_prefix: str
) -> None:
    """One listing of all files, in pages of a thousand, and where there is a manifest one read of it."""
    for number in range(COUNT - 1):  # the app brings one of its own
        (tmp_path / f"{number}.{'css' if number % 20 == 0 else 'png'}").write_text(f"/* {number} */")

    def collect(endpoint: str) -> str:
        arguments = [backend, unique_prefix, endpoint, seaweedfs.access_key, seaweedfs.secret_key, tmp_path]
        return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout

    assert f"{COUNT} static files copied" in collect(seaweedfs.endpoint_url)
    with FaultProxy(seaweedfs.endpoint_url) as proxy:
        assert f"0 static files copied, {COUNT} unmodified" in collect(proxy.url)
        assert 3 >= len(proxy.requests)
