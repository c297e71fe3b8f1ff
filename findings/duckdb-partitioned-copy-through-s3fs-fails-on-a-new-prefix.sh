#!/usr/bin/env bash
# Guess: DuckDB's COPY ... PARTITION_BY to a bucket, through s3fs that is registered as a file system, makes the prefix as it makes
#   a folder: a plain COPY to a new prefix works, and so does PARTITION_BY on a disk.
# Instead: DuckDB makes the folder and then lists it, to see that it is empty. s3fs makes no object for a folder below a bucket, so
#   the listing is FileNotFoundError and nothing is written. With APPEND or OVERWRITE_OR_IGNORE it does not list, and works; both
#   keep the partitions that are there, and OVERWRITE fails as the plain COPY does.
# Versions: duckdb 2.0.1, s3fs 2026.9.0, moto 5.2.5 as the server; the same on SeaweedFS 4.48.
# Output seen, 2026-11-28: plain: ok; partitioned: FileNotFoundError, 0 objects; append: ok, 3 objects
# Who meets it: whoever writes a partitioned table to a bucket from DuckDB by fsspec, the first time under each prefix.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q duckdb==2.0.1 s3fs==2026.9.0 'moto[server]==5.2.5' >/dev/null 2>&1 || exit 77
cat >finding.py <<'PY'
import logging

import duckdb
import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
bucket = s3fs.S3FileSystem(key="access", secret="secret", endpoint_url=f"http://{host}:{port}")
bucket.mkdir("tables")
duck = duckdb.connect()
duck.register_filesystem(bucket)


def copy(prefix, options):
    """Copy a small table; return what became of it."""
    try:
        duck.execute(f"copy (select range as n, range % 3 as p from range(9)) to 's3://tables/{prefix}' (format parquet{options})")
    except Exception as error:
        return "FileNotFoundError" if "FileNotFoundError" in str(error) else type(error).__name__
    return "ok"


plain = copy("a/one.parquet", "")
partitioned = copy("b", ", partition_by (p)"), len(bucket.find("tables/b"))
append = copy("c", ", partition_by (p), append"), len(bucket.find("tables/c"))
print(f"plain: {plain}; partitioned: {partitioned[0]}, {partitioned[1]} objects; append: {append[0]}, {append[1]} objects")
server.stop()
PY
seen=$(venv/bin/python finding.py 2>/dev/null | tail -1)
echo "$seen"
test "$seen" = "plain: ok; partitioned: FileNotFoundError, 0 objects; append: ok, 3 objects"
