"""Which requests a work made, and what Cloudflare R2 bills them as."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs, urlsplit


def name_of(line: str) -> str:
    """Return the operation of S3 that a request line asks for."""
    method, target, _ = line.split(" ")
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    of_bucket = "/" not in parts.path.strip("/")
    match method:
        case "PUT" if "partNumber" in query:
            return "UploadPart"
        case "PUT":
            return "CreateBucket" if of_bucket else "PutObject"
        case "POST" if "delete" in query:
            return "DeleteObjects"
        case "POST":
            return "CreateMultipartUpload" if "uploads" in query else "CompleteMultipartUpload"
        case "DELETE":
            return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
        case "HEAD":
            return "HeadBucket" if of_bucket else "HeadObject"
        case "GET" if "uploadId" in query:
            return "ListParts"
        case "GET" if of_bucket:
            return "GetBucket" if query.keys() & {"location", "versioning", "cors"} else "ListObjects"
    return "GetObject"


CLASS_B = {"HeadBucket", "HeadObject", "GetObject", "GetBucket"}
FREE = {"DeleteObject", "DeleteObjects", "AbortMultipartUpload"}


def tally(log: str, count: int) -> dict[str, float]:
    """Count the requests of a log, all, of class A and of class B, and the bytes received, for each of `count`."""
    lines = log.splitlines()
    received = sum(int(line[2:]) for line in lines if line.startswith("< "))
    names = Counter(name_of(line) for line in lines if not line.startswith("< "))
    class_b = sum(number for name, number in names.items() if name in CLASS_B)
    class_a = names.total() - class_b - sum(number for name, number in names.items() if name in FREE)
    counts = {"requests": names.total(), "class_a": class_a, "class_b": class_b, "received": received}
    return {name: number / count for name, number in counts.items()}
