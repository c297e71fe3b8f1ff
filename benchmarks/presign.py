"""Signed URLs: AssetStore, one by one and many at once, beside boto3, obstore and minio-py, in alternating rounds.

Run: ``python benchmarks/presign.py [ROUNDS] [--json PATH]``. Each round signs GETs of 2,000 keys. Nothing is sent. First it
is seen that all sign the same: the URLs agree but for the order of their parameters, and for what depends on the second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import boto3
import obstore
from botocore.config import Config
from obstore.store import S3Store

from alternating import Cost, arguments, cost_of, show, table
from assetstore import AssetStore
from assetstore_r2 import R2Backend

ACCOUNT, ACCESS_KEY, SECRET_KEY = "0" * 32, "1" * 32, "2" * 64
HOST = f"{ACCOUNT}.r2.cloudflarestorage.com"
KEYS = [f"maps/level {number}/Keep of Büren.webp" for number in range(2000)]
OURS, OURS_MANY = "assetstore presign", "assetstore presign_many"


def contenders(store: AssetStore) -> dict[str, Callable[[list[str]], list[str]]]:
    """Return what signs a URL for each key, by name; minio-py where it is installed."""
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
    sign_by_boto3 = client.generate_presigned_url
    hour = timedelta(hours=1)
    found: dict[str, Callable[[list[str]], list[str]]] = {
        OURS: lambda keys: [store.presign(key).url for key in keys],
        OURS_MANY: lambda keys: [request.url for request in store.presign_many(keys).values()],
        "boto3": lambda keys: [sign_by_boto3("get_object", {"Bucket": "assets", "Key": key}) for key in keys],
        "obstore": lambda keys: [obstore.sign(rust, "GET", key, hour) for key in keys],
        "obstore, a list": lambda keys: obstore.sign(rust, "GET", keys, hour),
    }
    with contextlib.suppress(ImportError):
        from minio import Minio

        minio = Minio(endpoint=HOST, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region="auto")
        sign = partial(minio.presigned_get_object, bucket_name="assets", expires=hour)
        found["minio-py"] = lambda keys: [sign(object_name=key) for key in keys]
    return found


def meaning(url: str) -> tuple[str, str, dict[str, str]]:
    """Return host, path and parameters of a URL without what depends on the second."""
    parts = urlsplit(url)
    query = {name: value for name, value in parse_qsl(parts.query) if name not in ("X-Amz-Date", "X-Amz-Signature")}
    return parts.netloc, parts.path, query


def signing(sign: Callable[[list[str]], object]) -> Callable[[], Cost]:
    """Return what signs all keys and tells what one of them took."""
    return partial(cost_of, partial(sign, KEYS), len(KEYS))


def main() -> None:
    """Measure in rounds that alternate."""
    options = arguments(__doc__ or "", rounds=15)
    backend = R2Backend(bucket="assets", account_id=ACCOUNT, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    with AssetStore(backend) as store:
        signers = contenders(store)
        for name, sign in signers.items():
            if list(map(meaning, sign(KEYS[:2]))) != list(map(meaning, signers["boto3"](KEYS[:2]))):
                print(f"{name} signs something else than boto3")
        costs = {name: signing(sign) for name, sign in signers.items()}
        made = table("Signed URLs, one GET of R2", "presign", costs, base="boto3", rounds=options.rounds)
    show(made, options.json)
    rate = {row["contender"]: row["cpu"] for row in made["rows"]}
    for name in (OURS, OURS_MANY):
        times = ", ".join(f"{cost / rate[name]:.1f} x {other}" for other, cost in rate.items() if other != name)
        print(f"{name} signs {1 / rate[name]:,.0f} URLs/s of CPU: {times}")


if __name__ == "__main__":
    main()
