"""Commands on real S3 servers, with the endpoint where boto3's users set it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assetstore import open_store

if TYPE_CHECKING:
    from running import Run


@pytest.fixture(params=["seaweedfs", "emulator"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a server whose address and credentials are in the environment, and the URL of an empty part of its bucket."""
    server = request.getfixturevalue(request.param)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    url = f"s3://{server.other_bucket}"
    with open_store(url) as store:
        store.upload(b"<p>", "daily/a.html", metadata={"by": "gm", "for": "players"})
        store.upload(b"x" * 3000, "daily/deep/b.png", cache_control="no-cache")
        yield url, server
        store.delete_many(list(store.list("daily/")))


def test_doctor_says_where_the_endpoint_came_from(run: Run, bucket: Any) -> None:
    """The variable is named beside the URL."""
    url, server = bucket
    done = run("doctor", url)
    assert f"endpoint: {server.endpoint_url}, from AWS_ENDPOINT_URL_S3" in done.out
    assert "credentials: from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in done.out


def test_assets_are_found_summed_up_and_changed(run: Run, bucket: Any) -> None:
    """As in a folder: what is not named stays, and a type that the listing lacks is asked for when that is wanted."""
    s = ("-s", bucket[0])
    assert ["3000\t1\tdaily/deep/", "3003\t2\ttotal"] == run(*s, "du", "daily/").lines
    assert ["daily/deep/b.png"] == run(*s, "find", "daily/", "--type", "image/*", "--larger", "1KB", "--stat").lines
    done = run(*s, "update", "daily/**", "--metadata", "by=", "--metadata", "set=2", "--cache-control", "max-age=60")
    assert (0, True) == (done.code, done.err.startswith("updated 2 assets in ")), done.err
    with open_store(bucket[0]) as store:
        first, second = store.stat("daily/a.html"), store.stat("daily/deep/b.png")
        assert b"<p>" == store.read("daily/a.html")
    assert ({"for": "players", "set": "2"}, {"set": "2"}) == (first.metadata, second.metadata)
    assert ("text/html", "image/png") == (first.content_type, second.content_type)
    assert ("max-age=60", "max-age=60") == (first.cache_control, second.cache_control)


def test_what_a_verification_costs_is_told_beforehand(run: Run, bucket: Any, folder: Path) -> None:
    """By class of requests, and in money where the prices are known."""
    url, _ = bucket
    (folder / "assetstore.toml").write_text(f"[stores.prod]\nurl = {url!r}\nprices = {{ A = 5.0, B = 0.4, out = 0.09 }}\n")
    requests = "would read 2 assets, 2.9 KiB of {}; 1 request of class A, 2 of class B"
    assert f"{requests.format('prod:daily/')}, cost 0.000006\n" == run("verify", "prod:daily/", "-n").err
    assert (0, "prod:daily/") == ((done := run("--json", "verify", "prod:daily/")).code, done.records[-1]["store"])
    (folder / "assetstore.toml").write_text(f"[stores.prod]\nurl = {url!r}\n")
    assert f"{requests.format('prod:daily/')}\n" == run("verify", "prod:daily/", "-n").err


def test_a_folder_is_compared_by_the_listing_alone(run: Run, bucket: Any, folder: Path) -> None:
    """The digests of small assets are in the listing, so that no asset is asked for."""
    (folder / "assetstore.toml").write_text(f"[stores.prod]\nurl = {bucket[0]!r}\n")
    assert 0 == run("-s", "prod", "download", "-r", "daily/", "-o", "copy").code
    (folder / "copy/deep/b.png").write_bytes(b"y" * 3000)
    done = run("check", "./copy", "prod:daily/")
    assert (5, ["differs       deep/b.png  (the digests differ)"]) == (done.code, done.lines)
    assert run("check", "prod:daily/", "prod:daily/", "--headers").code == 0
