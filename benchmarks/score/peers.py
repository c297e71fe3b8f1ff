"""The peers of the score, in the environments of the benchmarks and some more of their kind."""

from __future__ import annotations

from collections.abc import Mapping

from bench import peers

REQUIREMENTS: Mapping[str, str] = {
    **{name: peers.REQUIREMENTS[name] for name in ("boto3", "obstore", "opendal", "s3fs", "cloudpathlib")},
    "fsspec": "fsspec>=2025.2",
    "django": "django>=5.2",
}
"""``fsspec`` and ``django`` are their stores of local files; the others have stores of S3 too."""


def ours() -> peers.Peer:
    """Return assetstore, the library."""
    return peers.ours()[0]
