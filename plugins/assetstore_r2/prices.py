"""How R2 charges for each kind of request (R2, "Pricing"): by class A or B, or not at all. Amazon S3 divides them alike."""

from __future__ import annotations

_B = frozenset(
    {
        *("GetObject", "HeadObject", "HeadBucket"),
        *("GetBucketCors", "GetBucketEncryption", "GetBucketLifecycleConfiguration", "GetBucketLocation"),
    }
)
# That DeleteObjects, which is not named there, is free like DeleteObject is presumed.
_FREE = frozenset({"AbortMultipartUpload", "DeleteBucket", "DeleteObject", "DeleteObjects"})



def class_of(operation: str) -> str:
    """Return ``"A"``, ``"B"`` or ``"free"`` for an operation of S3; what writes or lists, and what is not known, is of A."""
    return "B" if operation in _B else "free" if operation in _FREE else "A"
