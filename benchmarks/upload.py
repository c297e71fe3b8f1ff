"""CPU of an upload of 16 KiB: AssetStore beside boto3 alone, in pairs on one SeaweedFS.

Run: ``tox -e bench [PAIRS]``. Prints the ratio of CPU seconds per upload, in this process, to boto3 with the settings that
R2 needs and to boto3 as it comes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config

import servers
from assetstore import open_store

SIZE = 16 * 1024
ROUNDS = 20


def cpu(operation: Callable[[int], object], numbers: range) -> float:
    """Return CPU seconds for one operation."""
    before = time.process_time()
    for number in numbers:
        operation(number)
    return (time.process_time() - before) / len(numbers)


def direct(server: servers.S3Server, config: Config) -> Callable[[int], object]:
    """Return an upload by boto3 alone."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=config,
    )
    data = b"x" * SIZE
    return lambda number: client.put_object(
        Bucket=server.bucket, Key=f"direct/{number % 100}.webp", Body=data, ContentType="image/webp"
    )


def main(pairs: int) -> None:
    """Measure in rounds that alternate, so that a noisy machine is noisy for both."""
    with tempfile.TemporaryDirectory() as folder, servers.seaweedfs(Path(folder)) as server:
        table = {
            "url": f"s3://{server.bucket}?endpoint_url={server.endpoint_url}&region={server.region}",
            "access_key": server.access_key,
            "secret_key": server.secret_key,
        }
        lean = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        with open_store(table) as store:
            data = b"x" * SIZE
            contenders = {
                "assetstore": lambda number: store.upload(data, f"ours/{number % 100}.webp"),
                "boto3, when_required": direct(server, lean),
                "boto3, defaults": direct(server, Config(s3={"addressing_style": "path"})),
            }
            for operation in contenders.values():
                cpu(operation, range(20))
            each = max(1, pairs // ROUNDS)
            times: dict[str, list[float]] = {name: [] for name in contenders}
            for turn in range(ROUNDS):
                for name, operation in contenders.items():
                    times[name].append(cpu(operation, range(turn * each, (turn + 1) * each)))
    print(f"{each * ROUNDS} uploads of {SIZE} bytes each, in {ROUNDS} alternating rounds")
    for name, values in times.items():
        ratios = [ours / theirs for ours, theirs in zip(times["assetstore"], values, strict=True)]
        print(
            f"{name:22} {statistics.median(values) * 1e6:7.0f} us CPU an upload;"
            f" assetstore / this: median {statistics.median(ratios):.3f}, total {sum(times['assetstore']) / sum(values):.3f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
