"""The stores on which the suites of others run, each as a file system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assetstore import AssetStore, open_store
from assetstore_fsspec import AssetStoreFileSystem

STORES = ("memory", "local", "s3")
_URLS = {"memory": "memory:", "local": "file:data"}
_PYARROW_MARKS = "azure brotli bz2 gcs gzip hdfs lz4 numpy pandas processes s3 slow snappy threading zstd"


_S3 = """
[stores.tests]
url = "s3://{server.bucket}"
endpoint_url = "{server.endpoint_url}"
region = "{server.region}"
access_key = "${{TEST_ACCESS_KEY}}"
secret_key = "${{TEST_SECRET_KEY}}"
"""


@pytest.fixture(params=STORES)
def configured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Configure the store ``tests``: in memory, a folder, or a bucket of SeaweedFS; give its name."""
    folder = tmp_path_factory.mktemp("store")
    config = folder / "assetstore.toml"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ASSETSTORE_CONFIG", str(config))
        if request.param == "s3":
            server = request.getfixturevalue("seaweedfs")
            environment.setenv("TEST_ACCESS_KEY", server.access_key)
            environment.setenv("TEST_SECRET_KEY", server.secret_key)
            config.write_text(_S3.format(server=server))
        else:
            config.write_text(f'[stores.tests]\nurl = "{_URLS[request.param]}"\n')
        yield "tests"


@pytest.fixture
def asset_store(configured: str, unique_prefix: str) -> Iterator[AssetStore]:
    """Give an empty part of the store that is configured."""
    with open_store(configured).scoped(unique_prefix) as store:
        yield store


@pytest.fixture
def fs(asset_store: AssetStore) -> AssetStoreFileSystem:
    """Return the store as a file system."""
    return AssetStoreFileSystem(asset_store)


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests of others have their own marks."""
    for mark in _PYARROW_MARKS.split():
        config.addinivalue_line("markers", f"{mark}: a mark of pyarrow's tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the tests in a module's ``EXCLUDED`` to fail; one that passes fails the run.

    A key is the name of a test and the ids of some of its parameters, for example ``"test_a s3"``.
    """
    for item in items:
        ids = {getattr(item, "originalname", item.name), *(item.callspec.id.split("-") if hasattr(item, "callspec") else ())}
        for key, reason in getattr(getattr(item, "module", None), "EXCLUDED", {}).items():
            if ids >= {*key.split()}:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
