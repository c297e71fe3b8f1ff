"""Signed URLs per second: AssetStore beside boto3, obstore and minio-py, in alternating rounds of one run.

Run: ``tox -e bench`` or ``python benchmarks/presign.py [URLS]``. Prints how many GETs of R2 each signs in a second of CPU of
this process, and how many times as many AssetStore signs. Nothing is sent. First it is seen that all sign the same: the URLs
agree but for the order of their parameters, and for what depends on the second.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import boto3
import obstore
from botocore.config import Config
from minio import Minio
from obstore.store import S3Store

from assetstore import AssetStore
from assetstore_r2 import R2Backend

ROUNDS = 20
ACCOUNT, ACCESS_KEY, SECRET_KEY = "0" * 32, "1" * 32, "2" * 64
HOST = f"{ACCOUNT}.r2.cloudflarestorage.com"
KEYS = [f"maps/level {number}/Keep of Büren.webp" for number in range(100)]
OURS = "assetstore"


def contenders(store: AssetStore) -> dict[str, Callable[[str], str]]:
    """Return what signs a URL for one key, by name."""
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    config = Config(s3={"addressing_style": "path"}, signature_version="s3v4")
    session = boto3.session.Session()
    client = session.client("s3", endpoint_url=f"https://{HOST}", region_name="auto", config=config, **keys)
    rust = S3Store(
        "assets",
        endpoint=f"https://{HOST}",
        region="auto",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        virtual_hosted_style_request=False,
    )
    minio = Minio(endpoint=HOST, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region="auto")
    hour = timedelta(hours=1)
    return {
        OURS: lambda key: store.presign(key).url,
        "boto3": lambda key: client.generate_presigned_url("get_object", {"Bucket": "assets", "Key": key}),
        "obstore": lambda key: obstore.sign(rust, "GET", key, hour),
        "minio-py": lambda key: minio.presigned_get_object(bucket_name="assets", object_name=key, expires=hour),
    }


def meaning(url: str) -> tuple[str, str, dict[str, str]]:
    """Return host, path and parameters of a URL without what depends on the second."""
    parts = urlsplit(url)
    query = {name: value for name, value in parse_qsl(parts.query) if name not in ("X-Amz-Date", "X-Amz-Signature")}
    return parts.netloc, parts.path, query


def cpu(sign: Callable[[str], str], count: int) -> float:
    """Return CPU seconds for one URL."""
    before = time.process_time()
    for number in range(count):
        sign(KEYS[number % len(KEYS)])
    return (time.process_time() - before) / count


def main(urls: int) -> None:
    """Measure in rounds that alternate, so that a noisy machine is noisy for all."""
    backend = R2Backend(bucket="assets", account_id=ACCOUNT, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    with AssetStore(backend) as store:
        signers = contenders(store)
        for name, sign in signers.items():
            if meaning(sign(KEYS[0])) != meaning(signers["boto3"](KEYS[0])):
                print(f"{name} signs something else than boto3")
        each = max(1, urls // ROUNDS)
        times: dict[str, list[float]] = {name: [] for name in signers}
        for _ in range(ROUNDS):
            for name, sign in signers.items():
                times[name].append(cpu(sign, each))
    print(f"{each * ROUNDS} signed GETs each, in {ROUNDS} alternating rounds")
    for name, values in times.items():
        ratios = [theirs / ours for ours, theirs in zip(times[OURS], values, strict=True)]
        print(
            f"{name:>10}: {1 / statistics.median(values):8,.0f} URLs/s of CPU, assetstore signs"
            f" {statistics.median(ratios):.2f} times as many ({min(ratios):.2f} to {max(ratios):.2f} by round)"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
